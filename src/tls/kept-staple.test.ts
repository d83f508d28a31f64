import { describe, expect, it, test } from 'vitest'
import { DAY_MS, type EpochMs, HOUR_MS, MINUTE_MS, plus, SECOND_MS } from '../der/time.ts'
import { defaultPolicy, type Policy } from '../ocsp/policy.ts'
import { ecdsaLeaf, pki, responseFor, rsaLeaf, now as start } from './_setup.ts'
import type { FetchResult } from './fetch-staple.ts'
import { KeptStaple } from './kept-staple.ts'

const away: FetchResult = { kind: 'failed', problem: 'connect ECONNREFUSED' }
const unauthorized: FetchResult = {
  kind: 'response',
  body: Buffer.from('30030a0106', 'hex'),
  etag: undefined,
}
const notModified: FetchResult = { kind: 'not-modified' }
const response = (body: Uint8Array): FetchResult => ({ kind: 'response', body, etag: '"tag"' })

/** A kept staple in a world where `answers` come one after the other, and the last one for ever. */
function kept(...answers: FetchResult[]) {
  return keptBy(defaultPolicy, answers)
}

function keptBy(policy: Policy, answers: FetchResult[]) {
  let now: EpochMs = start
  let timer: { at: EpochMs; run: () => void } | undefined
  const asked: (string | undefined)[] = []
  const told: string[] = []
  const staple = new KeptStaple(ecdsaLeaf.certificate, pki.issuer.certificate, {
    policy,
    now: () => now,
    random: () => 0.5,
    later(delayMs, run) {
      const own = { at: plus(now, delayMs), run }
      timer = own
      return () => {
        if (timer === own) timer = undefined
      }
    },
    fetch(etag) {
      asked.push(etag)
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      return Promise.resolve(answer ?? away)
    },
    unstapled: (problem) => told.push(problem),
  })
  const settled = async () => {
    while (staple.fetching !== undefined) await staple.fetching
  }
  return {
    staple,
    asked,
    told,
    settled,
    /** Until the planned fetch; `undefined` where none is planned. */
    planned: () => (timer === undefined ? undefined : timer.at - now),
    advance: async (duration: number) => {
      const end = plus(now, duration)
      while (timer !== undefined && timer.at <= end) {
        const { at, run } = timer
        now = at
        timer = undefined
        run()
        await settled()
      }
      now = end
    },
  }
}

describe('a kept staple', () => {
  it('is not there before the first fetch, which its first use starts', async () => {
    const { staple, asked, settled } = kept(response(responseFor(ecdsaLeaf)))
    expect(asked).toHaveLength(0)
    expect(staple.use()).toBeUndefined()
    await settled()
    expect(staple.use()).toBeInstanceOf(Uint8Array)
    expect(asked).toEqual([undefined])
  })

  it('is judged by the policy that the service has', async () => {
    const body = responseFor(ecdsaLeaf, HOUR_MS, { signWith: 'rsa-sha1' })
    const lenient = { ...defaultPolicy, sha1Signatures: 'accept' } as const
    for (const [policy, expected] of [
      [defaultPolicy, undefined],
      [lenient, body],
    ] as const) {
      const { staple, settled } = keptBy(policy, [response(body)])
      staple.use()
      await settled()
      expect(staple.use()).toEqual(expected)
    }
  })

  it('is asked for again within the hour, naming the one held', async () => {
    const { staple, asked, planned, settled, advance } = kept(
      response(responseFor(ecdsaLeaf)),
      notModified,
    )
    staple.use()
    await settled()
    expect(planned()).toBe(HOUR_MS)
    await advance(3 * HOUR_MS)
    expect(asked).toEqual([undefined, '"tag"', '"tag"', '"tag"'])
    expect(staple.use()).toBeDefined()
  })

  it('is asked for ever more often when it ends, and given out no longer than it is usable', async () => {
    const { staple, told, settled, advance } = kept(response(responseFor(ecdsaLeaf)), notModified)
    staple.use()
    await settled()
    await advance(22 * HOUR_MS)
    expect(staple.use()).toBeDefined()
    expect(told).toEqual([])
    await advance(HOUR_MS)
    expect(staple.use()).toBeUndefined()
  })

  it('stays while the service is away, and is asked for each minute', async () => {
    const { staple, asked, told, planned, settled, advance } = kept(
      response(responseFor(ecdsaLeaf)),
      away,
    )
    staple.use()
    await settled()
    await advance(20 * HOUR_MS)
    expect(staple.use()).toBeDefined()
    expect(told).toEqual([])
    expect(planned()).toBeLessThanOrEqual(MINUTE_MS)
    expect(asked.length).toBeGreaterThan(19 * 60)
    await advance(5 * HOUR_MS)
    expect(staple.use()).toBeUndefined()
    expect(told).toEqual(['connect ECONNREFUSED'])
  })

  it('is replaced by a newer one and never by an older one', async () => {
    const [older, newer] = [responseFor(ecdsaLeaf, 2 * HOUR_MS), responseFor(ecdsaLeaf, HOUR_MS)]
    const { staple, settled, advance } = kept(response(older), response(newer), response(older))
    staple.use()
    await settled()
    const first = staple.use()
    await advance(HOUR_MS)
    const second = staple.use()
    await advance(HOUR_MS)
    expect(second).not.toEqual(first)
    expect(staple.use()).toEqual(second)
  })

  test.each<[string, FetchResult, RegExp]>([
    ['of another certificate', response(responseFor(rsaLeaf)), /^the response is not acceptable/],
    ['that is no response', response(Buffer.from('<html>')), /^the response is not acceptable/],
    ['unauthorized', unauthorized, /^the service answers "unauthorized"/],
  ])('is not made of an answer %s', async (_name, answer, problem) => {
    const { staple, told, settled } = kept(answer)
    staple.use()
    await settled()
    expect(staple.use()).toBeUndefined()
    expect(told).toEqual([expect.stringMatching(problem)])
  })

  it('is asked for with back-off while there is none, and the problem told once', async () => {
    const { staple, asked, told, settled, advance } = kept(away)
    staple.use()
    await settled()
    await advance(31 * SECOND_MS)
    // At 0, 1, 3, 7, 15 and 31 s.
    expect(asked).toHaveLength(6)
    staple.use()
    expect(asked).toHaveLength(6)
    expect(told).toHaveLength(1)
  })

  it('outlives a service that starts over with an empty store', async () => {
    const [good, again] = [response(responseFor(ecdsaLeaf)), response(responseFor(ecdsaLeaf))]
    const { staple, settled, advance } = kept(good, unauthorized, unauthorized, again)
    staple.use()
    await settled()
    await advance(HOUR_MS + 10 * SECOND_MS)
    expect(staple.use()).toBeDefined()
    await advance(5 * HOUR_MS)
    expect(staple.use()).toBeDefined()
  })

  it('goes when the service says unauthorized for ten minutes: the certificate was revoked or removed', async () => {
    const { staple, told, settled, advance } = kept(response(responseFor(ecdsaLeaf)), unauthorized)
    staple.use()
    await settled()
    await advance(HOUR_MS + 9 * MINUTE_MS)
    expect(staple.use()).toBeDefined()
    await advance(3 * MINUTE_MS)
    expect(staple.use()).toBeUndefined()
    expect(told).toHaveLength(1)
  })

  it('is no longer asked for when nobody used it for long, and is when somebody does again', async () => {
    const { staple, asked, planned, settled, advance } = kept(away)
    staple.use()
    await settled()
    await advance(9 * DAY_MS)
    expect(planned()).toBeUndefined()
    const before = asked.length
    staple.use()
    await settled()
    expect(asked.length).toBe(before + 1)
    expect(planned()).toBeDefined()
  })

  it('is not asked for after it was stopped', async () => {
    const { staple, asked, planned, settled } = kept(response(responseFor(ecdsaLeaf)))
    staple.use()
    staple.stop()
    await settled()
    staple.use()
    expect(planned()).toBeUndefined()
    expect(asked).toHaveLength(1)
  })
})
