import { fastify } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HOUR_MS, iso, plus } from '../../der/time.ts'
import { MemoryStore } from '../../lab/memory-store.ts'
import { NOW } from '../../store/_records.ts'
import type { EdgeState } from '../../store/store.ts'
import { encodeEdgeReport } from '../edge-report.ts'
import { serveEdges } from './edges.ts'

const id = 'ab'.repeat(32)
const state: EdgeState = {
  edge: 'web1',
  id,
  stapleSha256: 'cd'.repeat(32),
  since: plus(NOW, -HOUR_MS),
  outputs: [
    {
      output: '{source}.ocsp',
      place: '/etc/ssl/a.pem.ocsp',
      state: 'withheld',
      stapleSha256: undefined,
      problem: 'too large',
      since: NOW,
    },
  ],
  probe: { at: NOW, outcome: 'stapled' },
}
const report = { version: '1.0.0', extent: 'all', states: [state] } as const

let store: MemoryStore
let app: ReturnType<typeof fastify>
beforeEach(() => {
  store = new MemoryStore()
  app = fastify()
  serveEdges(app, { store, clock: { now: () => NOW } })
})
afterEach(() => app.close())

function post(name: string, body: string) {
  return app.inject({ method: 'POST', url: `/edges/${name}`, body })
}

describe('/v1/edges', () => {
  it('notes what an agent reports', async () => {
    expect((await post('web1', encodeEdgeReport(report))).statusCode).toBe(204)
    expect(await store.edgeStates({ id })).toEqual([state])
    const { body } = await app.inject('/edges')
    expect(JSON.parse(body)).toEqual({
      edges: [{ name: 'web1', seenAt: iso(NOW), version: '1.0.0' }],
    })
  })

  it('takes the report of an edge of which a command says much, in many places', async () => {
    const [output] = state.outputs.map((one) => ({ ...one, problem: 'x'.repeat(4_096) }))
    if (output === undefined) throw new Error('no output')
    const live = Array.from({ length: 100 }, () => ({ ...output, state: 'live' }) as const)
    const states = [{ ...state, outputs: [...live, output] }]
    expect((await post('web1', encodeEdgeReport({ ...report, states }))).statusCode).toBe(204)
    const [taken] = await store.edgeStates({ id })
    expect(taken?.outputs).toHaveLength(100)
    expect(taken?.outputs[0]).toMatchObject({ state: 'withheld', problem: 'x'.repeat(1_000) })
  })

  it('forgets an edge', async () => {
    await post('web1', encodeEdgeReport(report))
    const { statusCode } = await app.inject({ method: 'DELETE', url: '/edges/web1' })
    expect(statusCode).toBe(204)
    expect(await store.edges()).toEqual([])
  })

  const bad: readonly (readonly [string, string, number, RegExp])[] = [
    ['a b', encodeEdgeReport(report), 400, /at most 100 letters/],
    ['web1', 'what?', 422, /the body/],
    ['web1', '{"version":"1","extent":"none","states":[]}', 422, /extent/],
    ['web1', encodeEdgeReport({ ...report, states: [{ ...state, id: 'x' }] }), 422, /fingerprint/],
  ]
  it.each(bad)('refuses %s with %s', async (name, body, status, message) => {
    const response = await post(encodeURIComponent(name), body)
    expect(response.statusCode).toBe(status)
    expect(response.body).toMatch(message)
    expect(await store.edges()).toEqual([])
  })
})
