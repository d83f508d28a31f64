import { expect, it } from 'vitest'
import { HOUR_MS, plus } from '../der/time.ts'
import { certificate, claimAll, NOW, schedule, staple } from './_records.ts'
import type { OutputState, Store } from './store.ts'

/** The part of the contract about how outputs stand with a certificate. */
export function keepsOutputStates(store: () => Store, reopen: () => Promise<void>): void {
  const states = async () => (await store().entry({ id: ID }))?.outputs

  it('gives back every field of output states, sorted, also after it was opened again', async () => {
    await store().putCertificates([certificate(1), certificate(2)], NOW)
    await store().putOutputStates(ID, [withheld, live])
    await reopen()
    expect(await states()).toEqual([live, withheld])
    const { certIDKey = '' } = certificate(1)
    expect((await store().entry({ certIDKey }))?.outputs).toEqual([live, withheld])
    const all = []
    for await (const { outputs } of store().entries()) all.push(outputs)
    expect(all).toEqual([[live, withheld], undefined])
  })

  it('replaces them as a whole', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().putOutputStates(ID, [live, withheld])
    const later: OutputState = { ...live, state: 'failed', since: plus(NOW, HOUR_MS) }
    await store().putOutputStates(ID, [later])
    expect(await states()).toEqual([later])
    await store().putOutputStates(ID, [])
    expect(await states()).toBeUndefined()
  })

  it('keeps them with whatever else changes, and removes them with the certificate', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().putOutputStates(ID, [live])
    await store().complete(ID, schedule(), { staple: staple(1) })
    await store().withdrawStaple(ID)
    await store().putCertificates([certificate(1, { sources: ['/other.pem'] })], NOW)
    expect(await states()).toEqual([live])
    await store().removeCertificates([ID])
    await store().putOutputStates(ID, [live])
    await store().putCertificates([certificate(1)], NOW)
    expect(await states()).toBeUndefined()
  })

  it('gives claims without them', async () => {
    await store().putCertificates([certificate(1)], NOW)
    await store().putOutputStates(ID, [live])
    const [claim] = await store().claimDue(claimAll())
    expect(Object.keys(claim ?? {}).sort()).toEqual(['certificate', 'former', 'schedule', 'staple'])
  })
}

const ID = certificate(1).id

const live: OutputState = {
  output: '{source}.ocsp',
  place: '/etc/ssl/1.pem.ocsp',
  state: 'live',
  stapleSha256: 'ab'.repeat(32),
  problem: undefined,
  since: NOW,
}

const withheld: OutputState = {
  output: '{source}.staple',
  place: '/etc/ssl/1.pem.staple',
  state: 'withheld',
  stapleSha256: undefined,
  problem: 'it has 12,289 bytes, and "this" takes \'less\'',
  since: plus(NOW, -1),
}
