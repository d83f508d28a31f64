import { expect, it } from 'vitest'
import { HOUR_MS, plus } from '../der/time.ts'
import { bytes, certificate, NOW, schedule, staple } from './_records.ts'
import type { Store } from './store.ts'

/** The part of the contract about what is told of all certificates together, and what schedules say beside when. */
export function reports(store: () => Store): void {
  it('counts a staple until its usableUntil, and not at it', async () => {
    await store().putCertificates([certificate(1)], NOW)
    const until = plus(NOW, 1_000)
    await store().complete(certificate(1).id, schedule(), {
      staple: staple(1, { usableUntil: until }),
    })
    expect(await store().coverage(plus(until, -1))).toEqual({ managed: 1, stapled: 1, missing: [] })
    const { name } = certificate(1)
    expect(await store().coverage(until)).toEqual({ managed: 1, stapled: 0, missing: [name] })
  })

  it.each([12, 5_100])('names the first ten of %i certificates without a staple', async (count) => {
    const records = Array.from({ length: count }, (_, at) => certificate(count - at))
    await store().putCertificates([...records, certificate(0, { classification: 'ca' })], NOW)
    await store().complete(certificate(2).id, schedule(), { staple: staple(2) })
    expect(await store().coverage(NOW)).toEqual({
      managed: count,
      stapled: 1,
      missing: [1, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((number) => certificate(number).name),
    })
  })

  it('withdraws a staple, and keeps the schedule', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().complete(certificate(1).id, schedule(), { staple: staple(1) })
    await store().withdrawStaple(certificate(1).id)
    const entry = await store().entry({ id: certificate(1).id })
    expect(entry?.staple).toBeUndefined()
    expect(entry?.schedule).toEqual(schedule())
    expect((await store().coverage(NOW)).stapled).toBe(0)
  })

  it('replaces the list of problems as a whole, in the order given', async () => {
    const problem = (path: string) => ({ path, problem: 'is not a certificate' })
    await store().replaceProblems([problem('/b'), problem('/a')])
    expect(await store().problems()).toEqual([problem('/b'), problem('/a')])
    await store().replaceProblems([problem('/c')])
    expect(await store().problems()).toEqual([problem('/c')])
  })

  it('keeps what a schedule says of a revocation, until another one does not', async () => {
    const { id } = certificate(1)
    await store().putCertificates([certificate(1)], NOW)
    const revocation = bytes(7, 500)
    const saying = { revokedAsOf: NOW, revocation, unchangedAt: plus(NOW, 1) }
    await store().complete(id, schedule(saying))
    const kept = (await store().entry({ id }))?.schedule
    expect([kept?.revokedAsOf, kept?.unchangedAt]).toEqual([NOW, plus(NOW, 1)])
    expect(Array.from(kept?.revocation ?? [])).toEqual(Array.from(revocation))
    await store().complete(id, schedule())
    expect((await store().entry({ id }))?.schedule).toEqual(schedule())
  })

  it('makes due what was attempted after a moment, and nothing else', async () => {
    const times = [plus(NOW, 1), NOW, undefined]
    await store().putCertificates(
      [1, 2, 3].map((number) => certificate(number)),
      NOW,
    )
    const later = plus(NOW, HOUR_MS)
    for (const [at, lastAttemptAt] of times.entries()) {
      await store().complete(certificate(at + 1).id, schedule({ dueAt: later, lastAttemptAt }))
    }
    await store().replanAttemptedAfter(NOW, { dueAt: NOW, reason: 'the clock' })
    const entries = [1, 2, 3].map((number) => store().entry({ id: certificate(number).id }))
    const plans = (await Promise.all(entries)).map((entry) => entry?.schedule)
    expect(plans.map((plan) => plan?.dueAt)).toEqual([NOW, later, later])
    expect(plans[0]?.reason).toBe('the clock')
    expect(await store().nextDueAt()).toBe(NOW)
  })
}
