import { type FastifyInstance, fastify, type RawServerDefault } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { classify } from '../../certificates/classify.ts'
import {
  DAY_MS,
  durationMs,
  type EpochMs,
  epochMs,
  HOUR_MS,
  plus,
  SECOND_MS,
} from '../../der/time.ts'
import type { LabCertificate } from '../../lab/ca.ts'
import { makeHierarchy } from '../../lab/hierarchy.ts'
import { MemoryStore } from '../../lab/memory-store.ts'
import { buildResponse } from '../../lab/response-builder.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import { certID, certIDKey } from '../../ocsp/request.ts'
import { serveChanges } from '../../serve/api/changes.ts'
import { ChangeFeed } from '../../serve/feed.ts'
import { schedule } from '../../store/_records.ts'
import type { CertificateRecord, StapleRecord } from '../../store/store.ts'
import { systemClock } from '../../time/clock.ts'
import { CentreFollower, type Whereabouts } from './centre-follower.ts'
import { HttpCentre } from './http-centre.ts'

const now = epochMs(Math.floor(systemClock.now() / SECOND_MS) * SECOND_MS)
const pki = makeHierarchy({ now, caKey: 'prime256v1' })
const other = makeHierarchy({ now, caKey: 'prime256v1' })

let central: MemoryStore
let feed: ChangeFeed
let app: FastifyInstance<RawServerDefault>
let closing: AbortController
let url: string
let edge: MemoryStore
let whereabouts: Whereabouts | undefined
let stop: AbortController
let log: string[]
let ended: Promise<void>
let centre: HttpCentre
let follower: CentreFollower
beforeEach(async () => {
  central = new MemoryStore()
  edge = new MemoryStore()
  feed = new ChangeFeed({ store: central, clock: systemClock, tagsOf: () => [] })
  whereabouts = undefined
  log = []
  ended = Promise.resolve()
  stop = new AbortController()
  await open(0)
})
afterEach(async () => {
  stop.abort()
  await ended
  await centre[Symbol.asyncDispose]()
  await close()
})

async function open(port: number): Promise<void> {
  app = fastify()
  closing = new AbortController()
  await app.register(async (inner) => serveChanges(inner, feed, { closing: closing.signal }), {
    prefix: '/v1',
  })
  url = await app.listen({ host: '127.0.0.1', port })
}

async function close(): Promise<void> {
  closing.abort()
  await app.close()
}

function recordOf({ certificate, der }: LabCertificate, name: string): CertificateRecord {
  const { issuer } = pki
  return {
    id: certificate.fingerprint,
    der,
    issuer: issuer.der,
    name,
    sources: [`/${name}.pem`],
    classification: classify(certificate, issuer.certificate, now).classification,
    mustStaple: false,
    notAfter: certificate.notAfter,
    certIDKey: certIDKey(certID(certificate, issuer.certificate)),
    responder: 'http://ocsp.example.org',
  }
}

/** A staple as the centre has it; `by` another hierarchy it is a forgery. */
function stapleOf(leaf: LabCertificate, thisUpdate: EpochMs, by = pki): StapleRecord {
  const nextUpdate = plus(thisUpdate, 4 * DAY_MS)
  const id = { certificate: leaf.certificate, issuer: pki.issuer.certificate }
  const der = buildResponse({
    responses: [{ certID: id, thisUpdate, nextUpdate }],
    signer: by.issuer,
  })
  const times = { producedAt: thisUpdate, thisUpdate, nextUpdate, usableUntil: nextUpdate }
  const fetched = { fetchedAt: now, servedFrom: now, url: 'http://ocsp.example.org' }
  return { der, received: der, ...times, ...fetched }
}

/** A response by which the certificate is on hold. */
function revocationOf({ certificate }: LabCertificate, thisUpdate: EpochMs): Uint8Array {
  const id = { certificate, issuer: pki.issuer.certificate }
  const nextUpdate = plus(thisUpdate, 4 * DAY_MS)
  const certStatus = { revokedAt: thisUpdate, reason: 6 }
  return buildResponse({
    responses: [{ certID: id, thisUpdate, nextUpdate, certStatus }],
    signer: pki.issuer,
  })
}

/** The centre says that it is revoked, as of now, and withdraws its own staple. */
async function revoke(leaf: LabCertificate, revocation: Uint8Array | undefined): Promise<void> {
  const { fingerprint: id } = leaf.certificate
  await central.complete(id, schedule({ revokedAsOf: now, revocation }))
  await central.withdrawStaple(id)
  feed.pulse()
}

async function publish(leaf: LabCertificate, staple: StapleRecord): Promise<void> {
  await central.complete(leaf.certificate.fingerprint, schedule(), { staple })
  feed.pulse()
}

const leaves = [1, 2, 3].map((number) =>
  pki.issueLeaf({ dnsNames: [`www${number}.example`], ocspUrls: ['http://ocsp.example.org'] }),
)
const [first = pki.leaf, second = pki.leaf, third = pki.leaf] = leaves
const nameOf = new Map(leaves.map((leaf, index) => [leaf.certificate.fingerprint, index + 1]))

async function manage(store: MemoryStore, ...managed: LabCertificate[]): Promise<void> {
  const records = managed.map((leaf) =>
    recordOf(leaf, `www${nameOf.get(leaf.certificate.fingerprint)}`),
  )
  await store.putCertificates(records, now)
  feed.pulse()
}

function follow(): void {
  centre = new HttpCentre({ url, clock: systemClock })
  follower = new CentreFollower({
    centre,
    store: edge,
    whereabouts: {
      read: async () => whereabouts,
      async write(next) {
        whereabouts = next
      },
    },
    clock: systemClock,
    random: () => 0,
    policy: defaultPolicy,
    changed: () => {},
    events: {
      centreReached: () => log.push('reached'),
      centreAway: ({ problem }) => log.push(`away: ${problem}`),
      stapleReceived: ({ certificate }) => log.push(`received ${certificate.name}`),
      stapleNotTaken: ({ certificate, problem }) =>
        log.push(`not taken ${certificate.name}: ${problem}`),
      certificateRevoked: ({ certificate }) => log.push(`revoked ${certificate.name}`),
      notManaged: ({ certificates }) =>
        log.push(`not managed ${certificates.map(({ name }) => name).join()}`),
      centreClockDiffers: ({ ahead }) => log.push(`clock ${ahead}`),
      storeFailed: ({ error }) => log.push(`store: ${String(error)}`),
    },
  })
  ended = follower.run(stop.signal)
}

async function restart(): Promise<void> {
  stop.abort()
  await ended
  await centre[Symbol.asyncDispose]()
  stop = new AbortController()
  log = []
  follow()
}

const heard = (line: string) => expect.poll(() => log).toContain(line)
const held = async (leaf: LabCertificate) =>
  (await edge.entry({ id: leaf.certificate.fingerprint }))?.staple?.thisUpdate

describe('an edge that follows a centre', () => {
  it('gets the staples of its own certificates, those that there are and those that come', async () => {
    await manage(central, first, second, third)
    await manage(edge, first, second)
    await publish(first, stapleOf(first, now))
    await publish(third, stapleOf(third, now))
    follow()
    await heard('received www1')
    await publish(second, stapleOf(second, now))
    await heard('received www2')
    expect(log).toEqual(['reached', 'received www1', 'received www2'])
    expect(follower.awayFor).toBeUndefined()
  })

  it('goes on after a restart where it was, with what changed meanwhile', async () => {
    await manage(central, first, second)
    await manage(edge, first, second)
    await publish(first, stapleOf(first, plus(now, -HOUR_MS)))
    follow()
    await heard('received www1')
    await expect.poll(() => whereabouts).toBeDefined()
    await publish(second, stapleOf(second, now))
    await heard('received www2')
    await restart()
    await publish(first, stapleOf(first, now))
    await heard('received www1')
    expect(log).toEqual(['reached', 'received www1'])
  })

  it('is told of a certificate that it gets later', async () => {
    await manage(central, first, second)
    await manage(edge, first)
    await publish(first, stapleOf(first, now))
    await publish(second, stapleOf(second, now))
    follow()
    await heard('received www1')
    await manage(edge, second)
    follower.refresh()
    await heard('received www2')
  })

  const lies: readonly (readonly [string, () => StapleRecord, RegExp])[] = [
    ['a forged staple', () => stapleOf(first, now, other), /signature-invalid|signer-missing/],
    ['the staple of another certificate', () => stapleOf(second, now), /cert-id-mismatch/],
    ['an expired one', () => stapleOf(first, plus(now, -5 * DAY_MS)), /next-update-passed/],
    ['one from the future', () => stapleOf(first, plus(now, DAY_MS)), /this-update-in-future/],
    [
      'what is none',
      () => ({ ...stapleOf(first, now), der: Buffer.from('<html>') }),
      /body-is-text|response-malformed/,
    ],
    [
      'an oversized one',
      () => ({ ...stapleOf(first, now), der: Buffer.alloc(70_000, 0x30).fill(1, 1) }),
      /malformed|too-large/,
    ],
  ]
  it.each(lies)('does not take %s, and keeps what it has', async (_, lie, rule) => {
    await manage(central, first)
    await manage(edge, first)
    const good = plus(now, -HOUR_MS)
    await publish(first, stapleOf(first, good))
    follow()
    await heard('received www1')
    await publish(first, { ...lie(), usableUntil: plus(now, DAY_MS) })
    await expect.poll(() => log.at(-1)).toMatch(rule)
    expect(await held(first)).toBe(good)
  })

  it('does not take an older one, and says so', async () => {
    await manage(central, first)
    await manage(edge, first)
    await publish(first, stapleOf(first, now))
    follow()
    await heard('received www1')
    await publish(first, stapleOf(first, plus(now, -HOUR_MS)))
    await manage(central, second)
    await manage(edge, second)
    await publish(second, stapleOf(second, now))
    follower.refresh()
    await heard('received www2')
    expect(log.filter((line) => /^not taken www1: it is of .* in hand of /.test(line))).not.toEqual(
      [],
    )
    expect(await held(first)).toBe(now)
  })

  it('leaves a centre alone for a while that sends nothing but lies', async () => {
    const many = Array.from({ length: 101 }, () =>
      pki.issueLeaf({ ocspUrls: ['http://ocsp.example.org'] }),
    )
    await manage(central, ...many)
    await manage(edge, ...many)
    for (const leaf of many) await publish(leaf, stapleOf(leaf, now, other))
    follow()
    await heard('away: it sent 101 responses that are not to be taken')
  })

  it('withdraws what the centre says is revoked, and nothing that it merely has not', async () => {
    await manage(central, first, second)
    await manage(edge, first, second)
    await publish(first, stapleOf(first, plus(now, -HOUR_MS)))
    await publish(second, stapleOf(second, plus(now, -HOUR_MS)))
    follow()
    await heard('received www2')
    await revoke(first, revocationOf(first, now))
    await central.withdrawStaple(second.certificate.fingerprint)
    feed.pulse()
    await heard('revoked www1')
    expect(await held(first)).toBeUndefined()
    expect(await held(second)).toBe(plus(now, -HOUR_MS))
    await publish(first, stapleOf(first, plus(now, -HOUR_MS)))
    await expect
      .poll(() => log.at(-1))
      .toMatch(/not taken www1: it says good as of .* is revoked as of/)
  })

  it('does not believe a revocation without a response, and keeps what it has', async () => {
    await manage(central, first)
    await manage(edge, first)
    const good = plus(now, -HOUR_MS)
    await publish(first, stapleOf(first, good))
    follow()
    await heard('received www1')
    await revoke(first, undefined)
    await expect.poll(() => log.at(-1)).toMatch(/^not taken www1: .* does not show the response/)
    expect(await held(first)).toBe(good)
  })

  it('takes what is good again after a revocation, as one may be lifted', async () => {
    await manage(central, first)
    await manage(edge, first)
    await revoke(first, revocationOf(first, plus(now, -HOUR_MS)))
    follow()
    await heard('revoked www1')
    await publish(first, stapleOf(first, now))
    await heard('received www1')
    const entry = await edge.entry({ id: first.certificate.fingerprint })
    expect(entry?.schedule?.revocation).toBeUndefined()
  })

  it('withdraws also where the centre has the revocation stapled', async () => {
    await manage(central, first)
    await manage(edge, first)
    await publish(first, stapleOf(first, plus(now, -HOUR_MS)))
    follow()
    await heard('received www1')
    await publish(first, { ...stapleOf(first, now), der: revocationOf(first, now) })
    await heard('revoked www1')
    expect(await held(first)).toBeUndefined()
  })

  it('says which of its certificates the centre does not manage, also after a restart', async () => {
    await manage(central, first)
    await manage(edge, first, second)
    follow()
    await heard('not managed www2')
    await expect.poll(() => whereabouts).toBeDefined()
    await restart()
    await heard('not managed www2')
  })

  it('says when the centre no longer manages one', async () => {
    await manage(central, first, second)
    await manage(edge, first, second)
    follow()
    await heard('reached')
    await expect.poll(() => whereabouts).toBeDefined()
    await central.removeCertificates([second.certificate.fingerprint])
    feed.pulse()
    await heard('not managed www2')
  })

  it('is sent once more what it refused', async () => {
    await manage(central, first)
    await manage(edge, first)
    await publish(first, stapleOf(first, now, other))
    follow()
    await expect.poll(() => log.at(-1)).toMatch(/^not taken www1/)
    await restart()
    await expect.poll(() => log.at(-1)).toMatch(/^not taken www1/)
  })

  it('comes back to a centre that was away', async () => {
    await manage(central, first)
    await manage(edge, first)
    follow()
    await heard('reached')
    const { port } = new URL(url)
    await close()
    await expect.poll(() => log.at(-1)).toMatch(/^away: /)
    expect(follower.awayFor).toBeDefined()
    await publish(first, stapleOf(first, now))
    await open(Number(port))
    await expect.poll(() => log, { timeout: 5_000 }).toContain('received www1')
    expect(log.filter((line) => line === 'reached')).toHaveLength(2)
  })

  it('is due with the CA itself when a quarter of the life is left', async () => {
    await manage(central, first)
    await manage(edge, first)
    await publish(first, stapleOf(first, now))
    follow()
    await heard('received www1')
    const entry = await edge.entry({ id: first.certificate.fingerprint })
    const { usableUntil = now } = entry?.staple ?? {}
    const left = usableUntil - (entry?.schedule?.dueAt ?? now)
    expect(left).toBeCloseTo((usableUntil - now) / 4, -1)
    expect(durationMs(left)).toBeLessThan(DAY_MS)
  })
})
