import { describe, expect, it, test } from 'vitest'
import { certificatePem, certificatesInPem, looksLikePem } from './pem.ts'

const der = Buffer.from('30820102030405060708090a0b0c0d0e0f', 'hex')
const base64 = der.toString('base64')
const block = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
const key = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n'
const oldKey = `-----BEGIN RSA PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,00

c2VjcmV0
-----END RSA PRIVATE KEY-----
`

test.each([1, 47, 48, 49, 96, 1_000])('certificatePem() of %i bytes is read as it was', (size) => {
  const bytes = Buffer.alloc(size, 0x30)
  const text = certificatePem(bytes)
  expect(certificatesInPem(text).certificates.map((each) => Buffer.from(each.der))).toEqual([bytes])
  expect(text.split('\n').every((line) => line.length <= 64)).toBe(true)
})

describe('certificatesInPem()', () => {
  const readable: [string, string, number[]][] = [
    ['one block', block, [1]],
    ['two blocks', block + block, [1, 4]],
    ['CRLF line ends', (block + block).replaceAll('\n', '\r\n'), [1, 4]],
    ['a byte order mark', `\xef\xbb\xbf${block}`, [1]],
    ['no line end at the end', block.trimEnd(), [1]],
    ['text before a block, as of openssl x509 -text', `Certificate:\n    Data:\n${block}`, [3]],
    ['Bag Attributes of openssl pkcs12', `Bag Attributes\n    friendlyName: x\n${block}`, [3]],
    ['indented lines', block.replaceAll(/^/gm, '    '), [1]],
    ['blank lines inside', block.replace('\n', '\n\n'), [1]],
    [
      'base64 over lines of any length',
      block.replace(base64, base64.replace(/.{5}/g, '$&\n')),
      [1],
    ],
    ['the label of old', block.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'), [1]],
    ['a private key first', key + block, [4]],
    ['a private key between', block + key + block, [1, 7]],
    ['a private key that is cut short, first', `-----BEGIN PRIVATE KEY-----\nc2Vj\n${block}`, [3]],
    ['an encrypted key of old', `${oldKey}${block}`, [7]],
  ]
  test.each(readable)('reads %s', (_, text, lines) => {
    const { certificates, problems } = certificatesInPem(text)
    expect(problems).toEqual([])
    expect(certificates.map(({ line }) => line)).toEqual(lines)
    for (const each of certificates) expect(Buffer.from(each.der)).toEqual(der)
  })

  const broken: [string, string, number, string][] = [
    ['a block without END', block.replace(/-----END.*\n/, ''), 1, 'cut short'],
    [
      'a block without END before another',
      block.replace(/-----END.*\n/, '') + block,
      1,
      'cut short',
    ],
    [
      'an END of another kind',
      block.replace('END CERTIFICATE', 'END CRL'),
      1,
      'names something else',
    ],
    ['a character that is not base64', block.replace(base64, `${base64}\n*`), 3, 'not base64'],
    ['base64 after the padding', block.replace(base64, `${base64}\nAAAA`), 3, 'after its end'],
    ['a missing character', block.replace(base64, base64.slice(1)), 1, 'characters are missing'],
    ['an empty block', block.replace(`${base64}\n`, ''), 1, 'empty'],
    ['a block on one line', block.replaceAll('\n', ''), 1, 'BEGIN line'],
    ['four dashes', block.replace('CERTIFICATE-----', 'CERTIFICATE----'), 1, 'BEGIN line'],
    [
      'OpenSSL’s own form',
      block.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
      1,
      'openssl x509',
    ],
  ]
  test.each(broken)('names the line of %s', (_, text, line, problem) => {
    const { problems } = certificatesInPem(text)
    expect(problems).toEqual([{ line, problem: expect.stringContaining(problem) }])
  })

  it('goes on after a broken block', () => {
    const { certificates, problems } = certificatesInPem(block.replace(base64, '!') + block)
    expect(problems.map(({ line }) => line)).toEqual([2])
    expect(certificates.map(({ line }) => line)).toEqual([4])
  })

  it('tells which other blocks there are, and nothing of what they hold', () => {
    const contents = certificatesInPem(key + oldKey + key.replaceAll('\n', ''))
    expect(contents.otherLabels).toEqual(['PRIVATE KEY', 'RSA PRIVATE KEY'])
    expect(JSON.stringify(contents)).not.toContain('c2Vj')
  })

  it('copies: zeroing the bytes afterwards leaves the certificates', () => {
    const bytes = Buffer.from(block + key)
    const { certificates } = certificatesInPem(bytes)
    bytes.fill(0)
    expect(certificates.map((each) => Buffer.from(each.der))).toEqual([der])
  })
})

test('looksLikePem() wants a BEGIN', () => {
  expect(looksLikePem(Buffer.from(`text\n${block}`))).toBe(true)
  expect(looksLikePem(der)).toBe(false)
})
