import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { matrix, type VectorName } from '../lab/matrix.ts'
import { allVectors, examined } from './_vectors.ts'
import { clientNames } from './clients.ts'
import { isAcceptedBy } from './judge.ts'
import { defaultPolicy, type Policy } from './policy.ts'

/**
 * Where a model differs from what was observed, and why; docs/clients.md says the same. A row that agrees again fails here, so that
 * this list never outlives its reasons.
 */
const knownDifferences: { readonly [name in VectorName]?: string } = {
  thisupdate_future_1s: 'the second had passed when Go and wolfSSL saw the response',
  empty_body: 'in a handshake an empty staple is no staple, which GnuTLS and wolfSSL take',
}

/** Kinds that are refused although every client takes them, and what switches that off. */
const refusedByPolicy: { readonly [name in VectorName]?: string } = {
  sig_rsa_sha1: 'policy.sha1Signatures',
  sig_ec_secp256r1_sha1: 'policy.sha1Signatures',
}

/** What must not be refused: all clients take it, or none looks (acceptance by clients, not by documents). */
const harmless: readonly VectorName[] = [
  ...['version_explicit_v1', 'direct_byname', 'base_direct_bykey', 'deleg_byname'],
  ...['deleg_bykey', 'rext_unknown', 'rext_extended_revoke', 'rext_nonce', 'sext_unknown'],
  ...['sext_archivecutoff', 'sext_crlref', 'sext_reasoncode', 'sext_invaliditydate', 'sext_sct'],
  ...['deleg_7_extra_after', 'deleg_plus_issuer', 'deleg_plus_issuer_plus_root'],
  ...['deleg_dup_signer', 'deleg_no_nocheck', 'deleg_no_ku', 'deleg_ku_nonrepudiation_only'],
  ...['deleg_ku_keyenc_only', 'deleg_eku_plus_clientauth', 'deleg_eku_critical'],
  ...['deleg_rsa4096', 'deleg_subject_eq_issuer_bykey', 'producedat_before_thisupdate'],
  ...['producedat_future_1h', 'validity_5min', 'validity_1y_fresh'],
  ...['nextupdate_after_leaf_expiry', 'sig_rsa_noparams', 'certid_sha1_noparams'],
  ...['sig_ec_secp521r1_sha512', 'sig_ec_secp256r1_sha384', 'sig_ec_secp384r1_sha256'],
] as readonly VectorName[]

const verdicts = new Map(
  allVectors.map(({ name, response }) => [name, verdictsOn(response)] as const),
)

describe('the models of the clients', () => {
  test.each(allVectors.map(({ name }) => name))('judge %s as the clients do', (name) => {
    if (knownDifferences[name] === undefined) expect(verdicts.get(name)).toBe(matrix[name])
    else expect(verdicts.get(name), 'a difference that is gone').not.toBe(matrix[name])
  })
  it('judge what was sent: the order of the matrix is that of the names', () => {
    expect(verdicts.get('deleg_is_ca')).toBe('-+++++++++')
    expect(verdicts.get('deleg_missing_cert')).toBe('---------+')
  })
})

describe('the gate', () => {
  test.each(harmless)('does not refuse %s', (name) => {
    const { accepted, findings } = examined(responseOf(name))
    expect(findings.filter(({ level }) => level === 'reject')).toEqual([])
    expect(accepted).toBe(true)
  })
  it('refuses nothing that all ten clients take, policy apart', () => {
    const takenByAll = allVectors.filter(({ name }) => !matrix[name].includes('-'))
    const refused = takenByAll.filter(({ response }) => examined(response).staple === undefined)
    expect(refused.map(({ name }) => name)).toEqual(Object.keys(refusedByPolicy))
  })
  test.each(Object.keys(refusedByPolicy) as VectorName[])(
    'takes %s where the policy accepts SHA-1',
    (name) => {
      const policy = { ...defaultPolicy, sha1Signatures: 'accept' } as const
      expect(examined(responseOf(name), policy).staple?.der).toEqual(responseOf(name))
    },
  )
  it('takes what is larger than the policy has it where the policy has more, and required clients take it', () => {
    const maxSizeBytes = 65_535
    const taken = (name: VectorName, policy: Policy) =>
      examined(responseOf(name), policy).staple !== undefined
    const lenient = { ...defaultPolicy, maxSizeBytes }
    const forOpenssl = { ...lenient, clients: ['openssl'] } as const
    expect(taken('size_16000', lenient)).toBe(false)
    expect(taken('size_16000', forOpenssl)).toBe(true)
    expect(taken('size_16000', { ...forOpenssl, maxSizeBytes: 12_288 })).toBe(false)
    expect(taken('size_70000', forOpenssl)).toBe(false)
  })
  it('takes nothing as given that a client refused when it was tried', () => {
    const taken = allVectors.filter(({ response }) => examined(response).accepted)
    expect(taken.filter(({ name }) => matrix[name].includes('-'))).toEqual([])
  })
  it('makes staples only that every model takes', () => {
    const staples = allVectors.flatMap(({ response }) => examined(response).staple ?? [])
    expect(staples.length).toBeGreaterThan(55)
    expect(staples.filter(({ der }) => verdictsOn(der).includes('-'))).toEqual([])
  })
  test.each(clientNames)('for %s alone makes staples that its model takes', (client) => {
    const policy = { ...defaultPolicy, clients: [client] }
    const staples = allVectors.flatMap(({ response }) => examined(response, policy).staple ?? [])
    const refused = staples.filter(({ der }) => !isAcceptedBy(client, examined(der).findings))
    expect(staples.length).toBeGreaterThan(55)
    expect(refused).toEqual([])
  })
})

describe('docs/clients.md', () => {
  const page = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8')
  test.each(Object.entries({ ...knownDifferences, ...refusedByPolicy }))(
    'says of %s: %s',
    (name, why) => {
      const line = page.split('\n').find((text) => text.includes(`\`${name}\``))
      expect(line).toContain(why)
    },
  )
})

/** As a row of the matrix. */
function verdictsOn(response: Uint8Array): string {
  const { findings } = examined(response)
  return clientNames.map((client) => (isAcceptedBy(client, findings) ? '+' : '-')).join('')
}

function responseOf(name: VectorName): Uint8Array {
  const vector = allVectors.find((one) => one.name === name)
  if (vector === undefined) throw new Error(`no vector is called ${name}`)
  return vector.response
}
