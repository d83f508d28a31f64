import { describe, expect, it, test } from 'vitest'
import { DAY_MS, epochMs, HOUR_MS, plus } from '../../der/time.ts'
import { makeHierarchy } from '../../lab/hierarchy.ts'
import { buildResponse } from '../../lab/response-builder.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { stapleDigest } from '../../store/staple-digest.ts'
import type { ServerName } from '../targets.ts'
import {
  type FileClaim,
  type FilePlanInput,
  type OutputCertificate,
  planFile,
  TRY_LATER,
} from './file-plan.ts'

const now = epochMs(1_795_000_000_000)
const pki = makeHierarchy({ now, caKey: 'prime256v1' })

function certificate(name: string, days = 30, keyType?: 'rsa'): OutputCertificate {
  const notAfter = plus(now, days * DAY_MS)
  const key = keyType === undefined ? {} : { key: pki.keys('rsa', 'rsa-2048') }
  const leaf = pki.issueLeaf({ dnsNames: [name], notAfter, ...key })
  return { id: leaf.certificate.fingerprint, der: leaf.der, name, sources: [], notAfter }
}

function staple(changes: { readonly left?: number; readonly sizeBytes?: number } = {}): Staple {
  const nextUpdate = plus(now, changes.left ?? DAY_MS)
  const thisUpdate = plus(now, -HOUR_MS)
  const certID = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }
  const certs = changes.sizeBytes === undefined ? {} : { certs: [padding(changes.sizeBytes)] }
  const responses = [{ certID, thisUpdate, nextUpdate }]
  const der = buildResponse({ responses, signer: pki.issuer, ...certs })
  const times = { producedAt: thisUpdate, thisUpdate, nextUpdate, usableUntil: nextUpdate }
  return { der, received: der, status: 'good', ...times }
}

/** A SEQUENCE of about that size. */
function padding(size: number): Uint8Array {
  const content = new Uint8Array(size)
  content.set([0x04, 0x82, (size - 4) >> 8, (size - 4) & 0xff])
  return Buffer.concat([Uint8Array.of(0x30, 0x82, size >> 8, size & 0xff), content])
}

function plan(
  server: ServerName | undefined,
  claims: FileClaim[],
  more: Partial<FilePlanInput> = {},
) {
  return planFile({ claims, server, now, present: undefined, held: () => undefined, ...more })
}

const a = certificate('a.example')
const good = staple()
const held = (): Staple => good
const large = staple({ sizeBytes: 10_300 })
const ending = staple({ left: 300_000 })

describe('what stands in a file', () => {
  test.each<[ServerName | undefined, readonly number[] | undefined]>([
    [undefined, undefined],
    ['lighttpd', undefined],
    ['haproxy', []],
    ['nginx', [...TRY_LATER]],
    ['trafficserver', undefined],
  ])('of %s while there is no staple: %j', (server, content) => {
    const { content: bytes, facts } = plan(server, [{ certificate: a, staple: undefined }])
    expect(bytes && [...bytes]).toEqual(content)
    const problem = 'there is no usable staple'
    expect(facts.get(a.id)).toEqual({ state: 'withdrawn', stapleSha256: undefined, problem })
  })

  test.each<[ServerName | undefined, string]>([
    [undefined, 'nothing'],
    ['haproxy', 'nothing'],
    ['nginx', 'try later'],
  ])('of %s when nobody wants it any more: %s', (server, kind) => {
    const { content } = plan(server, [], { present: good.der })
    expect(content).toEqual(kind === 'nothing' ? undefined : TRY_LATER)
    expect(plan(server, []).content).toBeUndefined()
  })

  it('is the staple, live', () => {
    const { content, facts, refused } = plan('nginx', [{ certificate: a, staple: good }])
    expect([content, refused]).toEqual([good.der, undefined])
    const stapleSha256 = stapleDigest(good.der)
    expect(facts.get(a.id)).toEqual({ state: 'live', stapleSha256, problem: undefined })
  })

  it('is no staple past its usableUntil', () => {
    const later = { now: good.usableUntil, present: good.der }
    const { content, reason } = plan('nginx', [{ certificate: a, staple: good }], later)
    expect(content).toEqual(TRY_LATER)
    expect(reason).toMatch(/^the staple was usable until 2026-/)
  })
})

describe('a good staple of a former life, while there is none in hand,', () => {
  const stays: FileClaim = { certificate: a, staple: undefined, found: 'may-stay' }
  const found = { present: good.der, held }

  it('stays, live', () => {
    const { content, facts } = plan('nginx', [stays], found)
    expect(content).toEqual(good.der)
    const stapleSha256 = stapleDigest(good.der)
    expect(facts.get(a.id)).toEqual({ state: 'live', stapleSha256, problem: undefined })
  })

  it('makes way for one in hand', () => {
    const newer = staple({ left: 2 * DAY_MS })
    expect(plan('nginx', [{ ...stays, staple: newer }], found).content).toEqual(newer.der)
  })

  test.each<[string, FileClaim, Partial<FilePlanInput>]>([
    ['of a revoked certificate', { ...stays, found: 'goes' }, found],
    ['of another certificate, or over', stays, { ...found, held: () => undefined }],
  ])('goes: %s', (_, claim, more) => {
    expect(plan('nginx', [claim], more).content).toEqual(TRY_LATER)
  })

  it('goes where the server would mishandle it', () => {
    const more = { present: ending.der, held: () => ending }
    expect(plan('haproxy', [stays], more).content).toHaveLength(0)
  })
})

describe('a staple that the server would mishandle', () => {
  const claims = [{ certificate: a, staple: large }]
  const problem = `trafficserver takes 10240 bytes by file, the staple has ${large.der.length}`

  it('is withheld, and nothing stands there where nothing stood', () => {
    const { content, facts, refused } = plan('trafficserver', claims)
    expect(content).toBeUndefined()
    expect(facts.get(a.id)).toEqual({ state: 'withheld', stapleSha256: undefined, problem })
    expect(refused).toEqual({ names: ['a.example'], problem })
  })

  it('leaves the good one of before there', () => {
    const { content, facts } = plan('trafficserver', claims, { present: good.der, held })
    expect(content).toEqual(good.der)
    const stapleSha256 = stapleDigest(good.der)
    expect(facts.get(a.id)).toEqual({ state: 'withheld', stapleSha256, problem })
  })

  test.each<[string, Partial<FilePlanInput>]>([
    ['that no longer passes the gate', { present: good.der }],
    ['that the server would mishandle too', { present: large.der, held: () => large }],
  ])('does not leave one there %s', (_, more) => {
    expect(plan('trafficserver', claims, more).content).toBeUndefined()
  })

  it('is written for another server', () => {
    expect(plan('lighttpd', claims).content).toEqual(large.der)
    expect(plan(undefined, claims).content).toEqual(large.der)
  })

  it('makes room for the bootstrap of HAProxy', () => {
    const { content, facts } = plan('haproxy', [{ certificate: a, staple: ending }])
    expect(content).toHaveLength(0)
    expect(facts.get(a.id)?.problem).toMatch(/^haproxy drops a staple 300 s before/)
  })
})

describe('two certificates with one path', () => {
  const rsa = certificate('a.example', 40, 'rsa')
  const renewed = certificate('a.example', 60)
  const both = [
    { certificate: a, staple: good },
    { certificate: rsa, staple: good },
  ]

  it('with keys of two kinds get nothing from nginx, which would staple one for both', () => {
    const { content, facts } = plan('nginx', both, { present: good.der, held })
    expect(content).toEqual(TRY_LATER)
    const problem =
      'nginx staples one file for all certificates of a server block, and a.example have ec and rsa keys; give each its own block and path, or use ssl_stapling_responder'
    const fact = { state: 'withheld', stapleSha256: undefined, problem }
    expect([facts.get(a.id), facts.get(rsa.id)]).toEqual([fact, fact])
  })

  it('get theirs when the one of the other kind has no staple', () => {
    const [first] = both
    const others = [{ certificate: rsa, staple: undefined }, ...(first ? [first] : [])]
    expect(plan('nginx', others).content).toEqual(good.der)
  })

  it('give it to the one that is valid longest', () => {
    const { winner, left, facts } = plan('nginx', [
      { certificate: a, staple: good },
      { certificate: renewed, staple: good },
    ])
    expect([winner, left]).toEqual([renewed, [a]])
    expect(facts.get(renewed.id)?.state).toBe('live')
    const problem = 'the staple of a.example has this path'
    expect(facts.get(a.id)).toEqual({ state: 'withheld', stapleSha256: undefined, problem })
  })
})
