import { expect, it } from 'vitest'
import { durationMs, HOUR_MS, plus } from '../der/time.ts'
import type { LoggedAttempt } from '../responders/attempt-log.ts'
import { attempt, certificate, NOW, schedule, staple } from './_records.ts'
import { keptAttempts, NEWEST_KEPT } from './kept-attempts.ts'
import type { ResponderRecord, Store } from './store.ts'

/** The part of the contract about what is kept of responders: attempts, habits, coverage. */
export function keepsResponders(store: () => Store, reopen: () => Promise<void>): void {
  keepsAttempts(store, reopen)
  remembersResponders(store, reopen)
}

function keepsAttempts(store: () => Store, reopen: () => Promise<void>): void {
  const { id } = certificate(1)
  const log = (...attempts: LoggedAttempt[]) => store().complete(id, schedule(), { attempts })
  const times = async (responder: string) =>
    (await store().attempts(responder)).map(({ at }) => at - NOW)

  it('gives back every field of an attempt, by responder, oldest first, also after it was opened again', async () => {
    await store().putCertificates([certificate(1)], NOW)
    const bare = {
      ...attempt(3),
      method: 'POST',
      connection: 'kept',
      remoteAddress: undefined,
      statusCode: undefined,
      problem: undefined,
      thisUpdate: undefined,
      nextUpdate: undefined,
    } as const
    // Not in the order of their times: a clock may step back.
    await log(attempt(2), attempt(9, 'http://other'), attempt(1))
    await log(bare)
    await reopen()
    expect(await store().attempts('http://ocsp.example.org')).toEqual([
      attempt(2),
      attempt(1),
      bare,
    ])
    expect(await store().attempts('http://other')).toEqual([attempt(9, 'http://other')])
    expect(await store().attempts('http://unknown')).toEqual([])
  })

  it('keeps the attempts for a certificate that was removed meanwhile', async () => {
    await log(attempt(1))
    expect(await times('http://ocsp.example.org')).toEqual([1])
  })

  it('keeps the newest attempts of each responder, older ones about few certificates, and all of one that had few', async () => {
    const count = NEWEST_KEPT + 250
    const numbers = Array.from({ length: count }, (_, at) => at)
    await log(attempt(7, 'http://quiet'))
    for (let at = 0; at < count; at += 50) {
      await log(...numbers.slice(at, at + 50).map((number) => attempt(number)))
    }
    const kept = keptAttempts(numbers.map((number) => attempt(number)))
    expect(await store().attempts('http://ocsp.example.org')).toEqual(kept)
    expect(kept).toHaveLength(NEWEST_KEPT + 4)
    await log(attempt(count))
    expect((await times('http://ocsp.example.org')).slice(-2)).toEqual([count - 1, count])
    expect(await times('http://quiet')).toEqual([7])
  })

  it('stores nothing of an outcome of which one part cannot be stored', async () => {
    await store().putCertificates([certificate(1)], NOW)
    const bad = { ...attempt(2), elapsed: durationMs(Number.NaN) }
    const outcome = { staple: staple(1), attempts: [attempt(1), bad] }
    await expect(store().complete(id, schedule(), outcome)).rejects.toThrow('NaN cannot be stored')
    expect((await store().entry({ id }))?.staple).toBeUndefined()
    expect(await times('http://ocsp.example.org')).toEqual([])
  })
}

function remembersResponders(store: () => Store, reopen: () => Promise<void>): void {
  it('remembers responders, sorted, in their newest state, also after it was opened again', async () => {
    expect(await store().responders()).toEqual([])
    await store().putResponder(responder('http://b', { health: { state: 'open', since: NOW } }))
    await store().putResponder(responder('http://a'))
    const unseen = responder('http://b', {
      habits: { validity: undefined, renewal: undefined, lag: durationMs(0), seen: 0 },
    })
    expect((await store().responders()).map(({ health }) => health.state)).toEqual([
      'closed',
      'open',
    ])
    const gone = responder('http://c', { goneSince: NOW })
    await store().putResponder(unseen)
    await store().putResponder(gone)
    await reopen()
    expect(await store().responders()).toEqual([responder('http://a'), unseen, gone])
  })

  it('tells by responder how many are managed, stapled at that time, and failing', async () => {
    const at = (number: number, origin: string) =>
      certificate(number, { responder: origin, mustStaple: number < 4 })
    await store().putCertificates(
      [at(1, 'http://b'), at(2, 'http://b'), at(3, 'http://b'), at(4, 'http://a')],
      NOW,
    )
    const left = certificate(5, { responder: 'http://c', classification: 'expired' })
    await store().putCertificates([left], NOW)
    const until = plus(NOW, HOUR_MS)
    await store().complete(certificate(1).id, schedule(), { staple: staple(1) })
    await store().complete(certificate(2).id, schedule({ attempts: 2 }), {
      staple: staple(2, { usableUntil: until }),
    })
    await store().complete(certificate(4).id, schedule({ attempts: 1 }))
    const a = { responder: 'http://a', managed: 1, stapled: 0, failing: 1, mustStapleWithout: 0 }
    const b = { responder: 'http://b', managed: 3, stapled: 2, failing: 1, mustStapleWithout: 1 }
    expect(await store().responderCoverage(plus(until, -1))).toEqual([a, b])
    expect(await store().responderCoverage(until)).toEqual([
      a,
      { ...b, stapled: 1, mustStapleWithout: 2 },
    ])
  })
}

function responder(name: string, changes: Partial<ResponderRecord> = {}): ResponderRecord {
  return {
    responder: name,
    habits: {
      validity: durationMs(96 * HOUR_MS),
      renewal: durationMs(12 * HOUR_MS),
      lag: durationMs(7 * 60_000),
      seen: 3,
    },
    health: { state: 'closed', since: NOW },
    goneSince: undefined,
    ...changes,
  }
}
