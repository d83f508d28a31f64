import { describe, expect, it } from 'vitest'
import { contextConstructed, tags } from '../der/tag.ts'
import { epochMs } from '../der/time.ts'
import { explicit, oid, sequence, set, smallInteger, tlv } from '../der/writer.ts'
import { pem } from '../lab/ca.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { httpServer, testTransport } from './_servers.ts'
import { fetchIssuer, type IssuerOutcome } from './ca-issuers.ts'

const NOW = epochMs(Date.UTC(2026, 10, 24, 4))
const lab = makeHierarchy({ now: NOW })
const stranger = makeHierarchy({ now: NOW, keys: lab.keys, name: 'another' })
const issuer = lab.issuer.der

/** A degenerate SignedData, as `openssl crl2pkcs7 -nocrl` makes. */
function certsOnly(...certificates: readonly Uint8Array[]): Uint8Array {
  const data = sequence(oid('1.2.840.113549.1.7.1'))
  const signedData = sequence(
    smallInteger(1),
    set(),
    data,
    tlv(contextConstructed(0), ...certificates),
    set(),
  )
  return sequence(oid('1.2.840.113549.1.7.2'), explicit(0, signedData))
}

/** Fetches for a leaf whose caIssuers are `before` and then a server that answers with `body`. */
async function fetched(
  body: Uint8Array | string,
  { statusCode = 200, before = [] as readonly string[] } = {},
): Promise<IssuerOutcome & { readonly origin: string }> {
  await using server = await httpServer((_, response) => response.writeHead(statusCode).end(body))
  await using transport = testTransport()
  const caIssuersUrls = [...before, `${server.origin}/ca.cer`]
  const { certificate } = lab.issueLeaf({ caIssuersUrls })
  const { signal } = new AbortController()
  const outcome = await fetchIssuer({ certificate, transport, signal })
  return { ...outcome, origin: server.origin }
}

describe('fetchIssuer()', () => {
  it.each([
    ['DER', issuer],
    ['PEM', lab.issuer.pem],
    ['PEM with others', stranger.issuer.pem + lab.issuer.pem],
    ['certs-only PKCS #7', certsOnly(issuer)],
    ['PKCS #7 with others', certsOnly(lab.root.der, stranger.issuer.der, issuer)],
    ['PKCS #7 beside something unreadable', certsOnly(tlv(tags.sequence), issuer)],
  ])('takes the issuer from %s', async (_, body) => {
    const outcome = await fetched(body)
    if (outcome.kind === 'failed') throw new Error(outcome.problem)
    expect(outcome.url).toBe(`${outcome.origin}/ca.cer`)
    expect(outcome.issuer.fingerprint).toBe(lab.issuer.certificate.fingerprint)
  })

  it.each([
    ['another CA', stranger.issuer.der, 'a certificate that did not issue this one'],
    [
      'a bundle of other CAs',
      certsOnly(lab.root.der, stranger.issuer.der),
      '2 certificates, of which none issued this one',
    ],
    ['a page', '<html></html>', 'no certificate, neither DER nor PEM nor PKCS #7'],
    ['nothing', '', 'no certificate, neither DER nor PEM nor PKCS #7'],
    ['an empty bundle', certsOnly(), 'no certificate, neither DER nor PEM nor PKCS #7'],
    [
      'PKCS #7 of another kind',
      sequence(oid('1.2.840.113549.1.7.1')),
      'no certificate, neither DER nor PEM nor PKCS #7',
    ],
    [
      'broken PEM',
      pem('CERTIFICATE', issuer).slice(0, 200),
      'no certificate, neither DER nor PEM nor PKCS #7',
    ],
  ])('does not take %s', async (_, body, problem) => {
    const { origin, ...outcome } = await fetched(body)
    expect(outcome).toEqual({ kind: 'failed', problem: `${origin}/ca.cer: ${problem}` })
  })

  it('goes on to the next URL', async () => {
    const before = ['ldap://ca.test/cn=ca', 'http://10.0.0.1/ca.cer']
    expect(await fetched(issuer, { before })).toMatchObject({ kind: 'issuer' })
  })

  it('says for each URL what was wrong', async () => {
    const { origin, ...outcome } = await fetched('', {
      statusCode: 404,
      before: ['http://10.0.0.1/ca.cer'],
    })
    expect(outcome).toEqual({
      kind: 'failed',
      problem: `http://10.0.0.1/ca.cer: address 10.0.0.1 is private (10.0.0.0/8): if this responder is meant, add it to responders.allowAddresses; ${origin}/ca.cer: HTTP status 404`,
    })
  })

  it('says so where there is no URL to ask', async () => {
    await using transport = testTransport()
    const { signal } = new AbortController()
    const { certificate } = lab.leaf
    expect(await fetchIssuer({ certificate, transport, signal })).toEqual({
      kind: 'failed',
      problem: "the certificate names no http: URL of its issuer's certificate (AIA caIssuers)",
    })
  })
})
