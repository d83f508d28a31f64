import { expect, it } from 'vitest'
import { bytes, certificate, NOW, schedule, staple } from './_records.ts'
import type { Store } from './store.ts'

/** The part of the contract about the change feed. */
export function tellsChanges(store: () => Store, reopen: () => Promise<void>): void {
  const since = async (after: number, limit = 100) =>
    (await store().changes({ after, limit })).changes
  const names = async (after: number) =>
    (await since(after)).map(({ id, entry }) => {
      const number = ids.indexOf(id)
      return `${number} ${entry === undefined ? 'removed' : entry.staple ? 'stapled' : 'bare'}`
    })
  const ids = [1, 2, 3].map((number) => certificate(number).id)
  const put = (...numbers: number[]) =>
    store().putCertificates(
      numbers.map((number) => certificate(number)),
      NOW,
    )
  const complete = (number: number) =>
    store().complete(certificate(number).id, schedule(), { staple: staple(number) })

  it('tells the last change of each certificate, in the order in which they were made', async () => {
    await put(1, 2, 3)
    await complete(2)
    await complete(1)
    await store().removeCertificates([certificate(3).id])
    expect(await names(0)).toEqual(['1 stapled', '0 stapled', '2 removed'])
  })

  it('goes on where the reader stopped, without loss or repeat, also after it was opened again', async () => {
    await put(1, 2, 3)
    const [first] = await since(0, 1)
    expect(first?.id).toBe(ids[0])
    await complete(1)
    await reopen()
    expect(await names(first?.number ?? 0)).toEqual(['1 bare', '2 bare', '0 stapled'])
    const last = (await since(0)).at(-1)?.number ?? 0
    expect(await since(last)).toEqual([])
    await store().withdrawStaple(certificate(1).id)
    expect(await names(last)).toEqual(['0 bare'])
  })

  it('tells nothing of an attempt that brought no staple', async () => {
    await put(1)
    const last = (await since(0)).at(-1)?.number ?? 0
    await store().complete(certificate(1).id, schedule({ attempts: 1 }))
    expect(await since(last)).toEqual([])
  })

  it('tells of one that was removed and added again, as it is', async () => {
    await put(1)
    await complete(1)
    await store().removeCertificates([certificate(1).id])
    await put(1)
    expect(await names(0)).toEqual(['0 bare'])
  })

  it('tells those of some certificates alone', async () => {
    await put(1, 2, 3)
    await complete(1)
    const wanted = { after: 0, limit: 100, ids: [ids[0] ?? '', ids[2] ?? '', 'none'] }
    const { changes } = await store().changes(wanted)
    expect(changes.map(({ id }) => id)).toEqual([ids[2], ids[0]])
  })

  it('says which was the last of all, whichever are asked for', async () => {
    await put(1, 2, 3)
    const { changes, last } = await store().changes({ after: 0, limit: 100 })
    expect(last).toBe(changes.at(-1)?.number)
    const few = { after: 0, limit: 1, ids: [ids[0] ?? ''] }
    expect((await store().changes(few)).last).toBe(last)
  })

  it('says of which feed they are, also after it was opened again', async () => {
    const { feed } = await store().changes({ after: 0, limit: 1 })
    await reopen()
    expect(await store().changes({ after: 0, limit: 1 })).toMatchObject({ feed })
  })

  tellsRevocations(store)
}

function tellsRevocations(store: () => Store): void {
  it('tells of a revocation when its response is a new one, or stands no more', async () => {
    const { id } = certificate(1)
    await store().putCertificates([certificate(1)], NOW)
    const told = async (revocation?: Uint8Array) => {
      const { last } = await store().changes({ after: 0, limit: 0 })
      await store().complete(id, schedule(revocation && { revocation }))
      return (await store().changes({ after: last, limit: 100 })).changes.map((one) => one.id)
    }
    expect(await told(bytes(1, 500))).toEqual([id])
    expect(await told(bytes(1, 500))).toEqual([])
    expect(await told(bytes(2, 500))).toEqual([id])
    expect(await told()).toEqual([id])
    expect(await told()).toEqual([])
  })
}
