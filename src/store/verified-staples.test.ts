import { beforeAll, describe, expect, it } from 'vitest'
import { DAY_MS, type EpochMs, epochMs, HOUR_MS, plus } from '../der/time.ts'
import { type Hierarchy, makeHierarchy } from '../lab/hierarchy.ts'
import { buildResponse } from '../lab/response-builder.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { certificate, schedule, staple } from './_records.ts'
import type { Entry, StapleRecord } from './store.ts'
import { VerifiedStaples } from './verified-staples.ts'

const NOW = epochMs(1_800_000_000_000)
let hierarchy: Hierarchy
let response: Uint8Array

beforeAll(() => {
  hierarchy = makeHierarchy({ now: NOW, caKey: 'prime256v1' })
  const { leaf, issuer } = hierarchy
  response = buildResponse({
    signer: issuer,
    responses: [
      {
        certID: { certificate: leaf.certificate, issuer: issuer.certificate },
        thisUpdate: plus(NOW, -HOUR_MS),
        nextUpdate: plus(NOW, 4 * DAY_MS),
      },
    ],
  })
})

describe('VerifiedStaples', () => {
  it('gives the staple of a certificate by its CertID and by its id: one and the same object', async () => {
    const { staples, reads } = bench([entry()])
    const staple = await staples.byCertIDKey('key')
    expect(staple).toMatchObject({ status: 'good', nextUpdate: plus(NOW, 4 * DAY_MS) })
    expect(staple?.der).toEqual(response)
    expect(staple?.received).toEqual(new Uint8Array([1]))
    expect(await staples.byId('id')).toBe(staple)
    expect(await staples.byCertIDKey('key')).toBe(staple)
    expect(reads()).toBe(1)
  })

  it('gives two that ask at once the same object', async () => {
    const { staples } = bench([entry()])
    const [first, second] = await Promise.all([staples.byId('id'), staples.byCertIDKey('key')])
    expect(first).toBeDefined()
    expect(second).toBe(first)
  })

  it.each<[string, () => Entry]>([
    ['no staple', () => entry({}, 'none')],
    ['no issuer', () => entry({ issuer: undefined })],
    ['a staple that is past its usableUntil', () => entry({}, record({ usableUntil: NOW }))],
  ])('has nothing, and no complaint, where there is %s', async (_, make) => {
    const { staples, refused } = bench([make()])
    expect(await staples.byId('id')).toBeUndefined()
    expect(refused).toEqual([])
  })

  it('has nothing for a certificate that is not managed, and sees it as soon as it is', async () => {
    const entries: Entry[] = []
    const { staples } = bench(entries)
    expect(await staples.byCertIDKey('key')).toBeUndefined()
    entries.push(entry())
    expect(await staples.byCertIDKey('key')).toBeDefined()
  })

  it('never gives a staple from its usableUntil on, also out of memory', async () => {
    const time = { now: NOW }
    const { staples } = bench([entry()], time)
    const until = (await staples.byId('id'))?.usableUntil ?? NOW
    expect(until).toBeGreaterThan(NOW)
    time.now = plus(until, -1)
    expect(await staples.byId('id')).toBeDefined()
    time.now = until
    expect(await staples.byId('id')).toBeUndefined()
    expect(await staples.byCertIDKey('key')).toBeUndefined()
  })

  it.each<[string, () => Entry, string]>([
    ['whose bytes were changed', () => entry({}, record({ der: damaged() })), 'signature'],
    ['of another certificate', () => entry({ der: hierarchy.signer.der }), ''],
    ['with an issuer that is another', () => entry({ issuer: hierarchy.root.der }), ''],
    ['of a certificate that cannot be read', () => entry({ der: new Uint8Array([1]) }), ''],
  ])('refuses a stored staple %s, and says so once', async (_, make, rule) => {
    const entries = [make()]
    const { staples, refused } = bench(entries)
    expect(await staples.byId('id')).toBeUndefined()
    expect(await staples.byCertIDKey('key')).toBeUndefined()
    expect(refused).toHaveLength(1)
    expect(refused[0]).toContain(rule)
    entries[0] = entry({}, record({ der: damaged(), fetchedAt: plus(NOW, 1) }))
    staples.forget('id')
    await staples.byId('id')
    expect(refused).toHaveLength(2)
  })

  it('reads again what it was told to forget', async () => {
    const entries = [entry()]
    const { staples } = bench(entries)
    await staples.byId('id')
    entries[0] = entry({}, 'none')
    staples.forget('id')
    expect(await staples.byCertIDKey('key')).toBeUndefined()
  })

  it('does not keep what it read before a change that came meanwhile', async () => {
    const entries = [entry()]
    const { staples } = bench(entries)
    const underWay = staples.byId('id')
    entries[0] = entry({}, 'none')
    staples.forget('id')
    await underWay
    expect(await staples.byId('id')).toBeUndefined()
  })

  it('does not answer for the CertID that a certificate had under another issuer', async () => {
    const entries = [entry()]
    const { staples } = bench(entries)
    await staples.byCertIDKey('key')
    entries[0] = entry({ certIDKey: 'new key' })
    staples.forget('id')
    expect(await staples.byId('id')).toBeDefined()
    expect(await staples.byCertIDKey('key')).toBeUndefined()
    expect(await staples.byCertIDKey('new key')).toBeDefined()
  })

  it('keeps no more than it may, and reads the others again', async () => {
    const entries = Array.from({ length: 5 }, (_, at) =>
      entry({ id: `id ${at}`, certIDKey: `key ${at}` }),
    )
    const { staples, reads } = bench(entries, { now: NOW }, 2)
    for (const {
      certificate: { id },
    } of entries)
      await staples.byId(id)
    await staples.byId('id 4')
    expect(reads()).toBe(5)
    await staples.byId('id 0')
    expect(reads()).toBe(6)
  })

  it('passes on that the store has failed, and goes on when it works again', async () => {
    let failure: Error | undefined = new Error('disk gone')
    const found = entry()
    const staples = new VerifiedStaples({
      store: { entry: async () => (failure === undefined ? found : Promise.reject(failure)) },
      clock: { now: () => NOW },
      policy: defaultPolicy,
      events: { stapleRefused: () => {} },
    })
    await expect(staples.byId('id')).rejects.toBe(failure)
    failure = undefined
    expect(await staples.byId('id')).toBeDefined()
  })
})

/** VerifiedStaples over a store that holds these entries, which may change. */
function bench(
  entries: readonly Entry[],
  time: { now: EpochMs } = { now: NOW },
  cacheSize?: number,
): { staples: VerifiedStaples; refused: string[]; reads: () => number } {
  let reads = 0
  const refused: string[] = []
  const staples = new VerifiedStaples({
    store: {
      entry: async (by) => {
        reads++
        const found = entries.find(({ certificate: held }) =>
          'id' in by ? held.id === by.id : held.certIDKey === by.certIDKey,
        )
        await Promise.resolve()
        return found
      },
    },
    clock: { now: () => time.now },
    policy: defaultPolicy,
    events: {
      stapleRefused: ({ findings }) => refused.push(findings.map(({ rule }) => rule).join(' ')),
    },
    ...(cacheSize === undefined ? {} : { cacheSize }),
  })
  return { staples, refused, reads: () => reads }
}

function entry(
  changes: Partial<Entry['certificate']> = {},
  staple: StapleRecord | 'none' = record(),
): Entry {
  const { leaf, issuer } = hierarchy
  return {
    certificate: certificate(1, {
      id: 'id',
      der: leaf.der,
      issuer: issuer.der,
      certIDKey: 'key',
      ...changes,
    }),
    schedule: schedule(),
    staple: staple === 'none' ? undefined : staple,
    former: undefined,
  }
}

/** What the crawler would have stored. */
function record(changes: Partial<StapleRecord> = {}): StapleRecord {
  return staple(1, { der: response, received: new Uint8Array([1]), ...changes })
}

/** The response with one bit of its signature changed. */
function damaged(): Uint8Array {
  return response.with(-5, (response.at(-5) ?? 0) ^ 1)
}
