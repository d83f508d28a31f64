import { createPublicKey } from 'node:crypto'
import { describe, expect, it, test } from 'vitest'
import { readWhole } from '../der/reader.ts'
import { oid, sequence } from '../der/writer.ts'
import { makeKeyRing } from '../lab/keys.ts'
import { type SigningAlgorithm, signatureAlgorithm, signBytes } from '../lab/signing.ts'
import { type AlgorithmIdentifier, algorithmIdentifier } from './algorithm.ts'
import { siblingSchemes, signatureScheme, verifySignature } from './signature.ts'

const keys = makeKeyRing()
const signed = Buffer.from('what is signed')

function identifier(der: Uint8Array): AlgorithmIdentifier {
  const read = readWhole(der, 'test', (reader) => algorithmIdentifier(reader, 'test'))
  if ('kind' in read) throw new Error(read.problem)
  return read
}

describe('verifySignature()', () => {
  const cases: [SigningAlgorithm, Parameters<typeof keys>[1], string][] = [
    ['rsa-sha1', 'rsa-2048', 'sha1WithRSAEncryption'],
    ['rsa-sha256', 'rsa-2048', 'sha256WithRSAEncryption'],
    ['rsa-sha512', 'rsa-2048', 'sha512WithRSAEncryption'],
    ['pss-sha256', 'rsa-2048', 'rsassaPss with sha256'],
    ['ecdsa-sha256', 'prime256v1', 'ecdsa-with-SHA256'],
    ['ecdsa-sha384', 'secp384r1', 'ecdsa-with-SHA384'],
    ['ed25519', 'ed25519', 'Ed25519'],
  ]
  test.each(cases)(
    'takes a signature made as %s with %s, and no changed one',
    (made, kind, name) => {
      const algorithm = identifier(signatureAlgorithm(made))
      const signature = Buffer.from(signBytes(made, keys('one', kind), signed))
      const key = createPublicKey(keys('one', kind))
      expect(signatureScheme(algorithm)?.name).toBe(name)
      expect(verifySignature(algorithm, { signed, signature, key })).toBe('valid')
      expect(verifySignature(algorithm, { signed: Buffer.from('else'), signature, key })).toBe(
        'invalid',
      )
      for (const broken of [
        signature.subarray(1),
        Buffer.alloc(0),
        Buffer.alloc(signature.length),
      ]) {
        expect(verifySignature(algorithm, { signed, signature: broken, key })).toBe('invalid')
      }
    },
  )

  it('takes no signature of another key, or by a key of another family', () => {
    const algorithm = identifier(signatureAlgorithm('ecdsa-sha256'))
    const signature = signBytes('ecdsa-sha256', keys('one', 'prime256v1'), signed)
    for (const other of [keys('two', 'prime256v1'), keys('one', 'rsa-2048')]) {
      const key = createPublicKey(other)
      expect(verifySignature(algorithm, { signed, signature, key })).toBe('invalid')
    }
  })

  it('says so when it does not know the algorithm', () => {
    const key = createPublicKey(keys('one', 'prime256v1'))
    const algorithm = identifier(sequence(oid('1.2.3')))
    expect(verifySignature(algorithm, { signed, signature: signed, key })).toBe('unsupported')
  })
})

test('siblingSchemes() are those of the same family', () => {
  const scheme = signatureScheme(identifier(signatureAlgorithm('ecdsa-sha256')))
  const names = scheme && siblingSchemes(scheme).map(({ name }) => name)
  expect(names).toContain('ecdsa-with-SHA1')
  expect(names?.every((name) => name.startsWith('ecdsa'))).toBe(true)
})
