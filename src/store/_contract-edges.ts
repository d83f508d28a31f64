import { expect, it } from 'vitest'
import { HOUR_MS, plus } from '../der/time.ts'
import { certificate, NOW } from './_records.ts'
import type { EdgeRecord, EdgeState, Store } from './store.ts'

/** The part of the contract about what edges tell of themselves. */
export function keepsEdges(store: () => Store, reopen: () => Promise<void>): void {
  it('gives back every field of an edge and its states, also after it was opened again', async () => {
    await store().putEdge(edge('web1'), [full, bare], 'all')
    await reopen()
    expect(await store().edges()).toEqual([edge('web1')])
    expect(await store().edgeStates({ edge: 'web1' })).toEqual([full, bare])
    expect(await store().edgeStates({ id: full.id })).toEqual([full])
  })

  it('replaces the states of some certificates, or of all', async () => {
    await store().putEdge(edge('web1'), [full, bare], 'all')
    const later: EdgeState = { ...bare, stapleSha256: 'cd'.repeat(32), since: plus(NOW, HOUR_MS) }
    await store().putEdge({ ...edge('web1'), version: '2' }, [later], 'some')
    expect(await store().edgeStates({ edge: 'web1' })).toEqual([full, later])
    await store().putEdge(edge('web1'), [later], 'all')
    expect(await store().edgeStates({ edge: 'web1' })).toEqual([later])
    await store().putEdge({ ...edge('web1'), seenAt: plus(NOW, 1) }, [], 'some')
    expect(await store().edges()).toEqual([{ ...edge('web1'), seenAt: plus(NOW, 1) }])
  })

  it('sorts edges by name, and tells a certificate on all of them', async () => {
    await store().putEdge(edge('web2'), [{ ...bare, edge: 'web2' }], 'all')
    await store().putEdge(edge('web1'), [bare], 'all')
    expect((await store().edges()).map(({ name }) => name)).toEqual(['web1', 'web2'])
    const states = await store().edgeStates({ id: bare.id })
    expect(states.map((state) => state.edge)).toEqual(['web1', 'web2'])
  })

  it('forgets an edge with its states', async () => {
    await store().putEdge(edge('web1'), [bare], 'all')
    await store().removeEdge('web1')
    await store().removeEdge('unknown')
    expect(await store().edges()).toEqual([])
    expect(await store().edgeStates({ id: bare.id })).toEqual([])
  })
}

function edge(name: string): EdgeRecord {
  return { name, seenAt: NOW, version: '1.0.0' }
}

const full: EdgeState = {
  edge: 'web1',
  id: certificate(1).id,
  stapleSha256: 'ab'.repeat(32),
  since: NOW,
  outputs: [
    {
      output: '{source}.ocsp',
      place: '/etc/ssl/1.pem.ocsp',
      state: 'failed',
      stapleSha256: undefined,
      problem: 'the disk is full',
      since: NOW,
    },
  ],
  probe: { at: NOW, outcome: 'stapled' },
}
const bare: EdgeState = {
  edge: 'web1',
  id: certificate(2).id,
  stapleSha256: undefined,
  since: NOW,
  outputs: [],
  probe: undefined,
}
