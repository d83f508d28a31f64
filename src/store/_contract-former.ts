import { expect, it } from 'vitest'
import { DAY_MS, HOUR_MS, MINUTE_MS, plus } from '../der/time.ts'
import { certificate, claimAll, NOW, plain, schedule, staple } from './_records.ts'
import type { StapleRecord, Store } from './store.ts'

/** The part of the contract about a staple that is not handed out at once, and the one before it. */
export function keepsFormerStaples(store: () => Store, reopen: () => Promise<void>): void {
  const { take, put, bytesOf } = on(store)

  it('keeps the staple that is served until a new one is, in entries and claims, also after it was opened again', async () => {
    await put()
    await take(staple(1))
    await take(early(2, 0), schedule({ dueAt: NOW }))
    const expected = {
      certificate: certificate(1),
      schedule: schedule({ dueAt: NOW }),
      staple: early(2, 0),
      former: staple(1),
    }
    await reopen()
    expect(plain(await store().entry({ id: ID }))).toEqual(plain(expected))
    const entries = []
    for await (const entry of store().entries()) entries.push(plain(entry))
    expect(entries).toEqual([plain(expected)])
    expect((await store().claimDue(claimAll())).map(plain)).toEqual([plain(expected)])
  })

  it('has no former staple where there was none, or the new one is served at once', async () => {
    await put()
    await take(early(1, 0))
    expect(await bytesOf()).toEqual([der(1), undefined])
    await take(early(2, 1))
    await take(staple(3))
    expect(await bytesOf()).toEqual([der(3), undefined])
  })

  it.each([
    [4, 'that is still served', 1],
    [5, 'that was served from the moment at which the next one came', 2],
  ])('when another one comes after %i minutes, keeps the one %s', async (minutes, _, former) => {
    await put()
    await take(staple(1))
    await take(early(2, 0))
    await take(early(3, minutes))
    expect(await bytesOf()).toEqual([der(3), der(former)])
  })

  it('keeps the former staple where an attempt brings none', async () => {
    await put()
    await take(staple(1))
    await take(early(2, 0))
    await store().complete(ID, schedule({ attempts: 1 }))
    expect(await bytesOf()).toEqual([der(2), der(1)])
  })

  treatsBothAsOne(store)
}

function treatsBothAsOne(store: () => Store): void {
  const { take, put, bytesOf } = on(store)

  it('counts a certificate as stapled, and ranks it, by whichever staple lasts longer', async () => {
    const until = (hours: number) => plus(NOW, hours * HOUR_MS)
    await store().putCertificates([certificate(1), certificate(2)], NOW)
    const due = schedule({ dueAt: NOW })
    await store().complete(certificate(2).id, due, {
      staple: staple(1, { usableUntil: until(2) }),
    })
    await take(staple(1, { usableUntil: until(3) }), due)
    await take({ ...early(2, 0), usableUntil: until(1) }, due)
    expect(await store().coverage(until(2))).toMatchObject({ managed: 2, stapled: 1 })
    expect(await store().coverage(until(3))).toMatchObject({ managed: 2, stapled: 0 })
    const claims = await store().claimDue(claimAll())
    expect(claims.map((claim) => claim.certificate.id)).toEqual([certificate(2).id, ID])
  })

  it('keeps both staples of a certificate that leaves the schedule and comes back', async () => {
    await put()
    await take(staple(1, { usableUntil: plus(NOW, 2 * DAY_MS) }))
    await take({ ...early(2, 0), usableUntil: plus(NOW, DAY_MS) })
    await store().putCertificates([certificate(1, { classification: 'expired' })], NOW)
    await put()
    expect(await bytesOf()).toEqual([der(2), der(1)])
    expect((await store().coverage(plus(NOW, DAY_MS))).stapled).toBe(1)
  })

  it('withdraws and removes the former staple with the other', async () => {
    await put()
    await take(staple(1))
    await take(early(2, 0))
    await store().withdrawStaple(ID)
    expect(await bytesOf()).toEqual([undefined, undefined])
    expect((await store().coverage(NOW)).stapled).toBe(0)
    await take(staple(1))
    await take(early(2, 0))
    await store().removeCertificates([ID])
    await put()
    expect(await bytesOf()).toEqual([undefined, undefined])
  })
}

function on(store: () => Store) {
  return {
    take: (held: StapleRecord, next = schedule()) => store().complete(ID, next, { staple: held }),
    put: () => store().putCertificates([certificate(1)], NOW),
    /** Of the staple and the former one. */
    bytesOf: async () => {
      const entry = await store().entry({ id: ID })
      return [entry?.staple?.der, entry?.former?.der].map((each) => each && Array.from(each))
    },
  }
}

function der(number: number): number[] {
  return Array.from(staple(number).der)
}

/** A staple that is fetched so many minutes after NOW, and served from five minutes later. */
function early(number: number, minutes: number): StapleRecord {
  const fetchedAt = plus(NOW, minutes * MINUTE_MS)
  return staple(number, { fetchedAt, servedFrom: plus(fetchedAt, 5 * MINUTE_MS) })
}

const ID = certificate(1).id
