import { describe, expect, it } from 'vitest'
import { tags } from '../der/tag.ts'
import { epochMs } from '../der/time.ts'
import { derNull, octetString, sequence, set, text } from '../der/writer.ts'
import { judge } from '../ocsp/judge.ts'
import { opensslBench, opensslVersion } from './_openssl.ts'
import { makeHierarchy } from './hierarchy.ts'
import { expectedVerdict } from './matrix.ts'
import { setting } from './vectors/setting.ts'
import { vectors } from './vectors.ts'

const now = epochMs(Date.now())
const hierarchy = makeHierarchy({ now })
const all = vectors(hierarchy, now)
const { leaf, issuer, signer, issueSigner } = hierarchy
const here = setting(hierarchy, now)
const namesake = { subject: issuer.certificate.subject }
/** 2.999, in which 999 has an octet too many in front. */
const PADDED_OID = Uint8Array.of(tags.oid, 3, 0x80, 0x88, 0x37)
const PADDED_NAME = sequence(set(sequence(PADDED_OID, text(tags.utf8String, 'signer'))))

// The column of the matrix was observed with 3.0.22, and later versions have other defaults.
const isSameOpenssl = opensslVersion()?.startsWith('3.0.') ?? false

describe.skipIf(!isSameOpenssl)('openssl 3.0 on this machine', () => {
  it('gives the verdicts that the matrix says', { timeout: 60_000 }, async () => {
    using bench = opensslBench(hierarchy)
    const differing: string[] = []
    const queue = all.values()
    const work = async () => {
      for (const { name, response } of queue) {
        const accepted = await bench.accepts(response)
        if (accepted !== expectedVerdict(name, 'openssl')) differing.push(name)
      }
    }
    await Promise.all([work(), work(), work()])
    expect(differing).toEqual([])
  })

  // Not in the matrix: the fuzzer found them.
  it.each<[string, string, Uint8Array]>([
    [
      'an OBJECT IDENTIFIER with a padded number in an extension',
      'non-minimal-oid',
      here.saying({ extensions: [sequence(PADDED_OID, octetString(derNull()))] }),
    ],
    [
      'a signer that has the name of its issuer, without key identifiers',
      'signer-taken-for-root',
      here.delegated(issueSigner({ ...namesake, keyIdentifiers: 'absent' })),
    ],
    [
      'a padded number in the name of the signer',
      'signer-certificate-malformed',
      here.delegated(issueSigner({ subject: PADDED_NAME })),
    ],
    [
      'a signature of the signer’s certificate that ends within an octet',
      'signer-certificate-malformed',
      here.delegated({ ...signer, der: withUnusedBit(signer.der) }),
    ],
  ])('refuses %s, as %s says', async (_kind, rule, response) => {
    using bench = opensslBench(hierarchy)
    expect(await bench.accepts(response)).toBe(false)
    const about = { certificate: leaf.certificate, issuer: issuer.certificate, now }
    expect(judge({ response, ...about }).findings).toMatchObject([{ rule, level: 'reject' }])
  })

  it('takes a signer that has the name of its issuer, with key identifiers, as we do', async () => {
    using bench = opensslBench(hierarchy)
    const response = here.delegated(issueSigner(namesake))
    const about = { certificate: leaf.certificate, issuer: issuer.certificate, now }
    expect(await bench.accepts(response)).toBe(true)
    expect(judge({ response, ...about })).toMatchObject({ accepted: true, findings: [] })
  })
})

/** The signature is by an RSA key of 2048 bits, and comes last. */
function withUnusedBit(der: Uint8Array): Uint8Array {
  return der.with(-257, 1)
}
