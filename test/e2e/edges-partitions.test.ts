import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseResponse } from '../../src/ocsp/response.ts'
import { faults } from './_fault-proxy.ts'
import {
  type PartitionedEdge,
  type PartitionedEdges,
  startPartitionedEdges,
} from './_partitioned-edges.ts'
import { describeWith } from './_peer.ts'

describeWith(['nginx', 'haproxy'], 'three edges behind networks that break', () => {
  let world: PartitionedEdges
  beforeAll(async () => {
    world = await startPartitionedEdges(CERTIFICATES, SEED)
  })
  afterAll(() => world?.[Symbol.asyncDispose]())

  const numbers = Array.from({ length: CERTIFICATES }, (_, number) => number)
  const written = async (edge: PartitionedEdge) =>
    hex(await Promise.all(numbers.map((each) => edge.written(each))))

  it('have every staple in the end, and never serve an older one after a newer', async () => {
    const watching = new AbortController()
    const watches = world.edges.map((edge) => watch(edge, watching.signal))
    for (const { proxy } of world.edges) proxy.break()
    for (let round = 0; round < ROUNDS; round++) {
      // One that no later change would make up for if it were lost, and that which servers have.
      await world.renew([0, 1 + round])
      await wait(BETWEEN_ROUNDS_MS)
      if (round % 2 === 1) world.edges[((round - 1) / 2) % world.edges.length]?.proxy.break()
    }
    for (const { proxy } of world.edges) proxy.heal()
    const last = hex(await world.stored())
    for (const edge of world.edges) {
      await expect.poll(() => written(edge), PATIENTLY).toEqual(last)
      const stapled = async () => hex([await edge.handshake()])
      await expect.poll(stapled, PATIENTLY).toEqual(last.slice(0, 1))
    }
    watching.abort()
    for (const seen of await Promise.all(watches)) expect(seen).toBeGreaterThan(1)
  })

  it('met every fault, and told of it', () => {
    const met = new Set(world.edges.flatMap(({ proxy }) => [...proxy.met]))
    expect([...met].sort()).toEqual([...faults].sort())
    for (const { agent } of world.edges) {
      expect(agent.program.output()).toContain('"event":"centreAway"')
      expect(agent.program.output()).not.toContain('"event":"stapleNotTaken"')
    }
  })
})

function hex(staples: readonly (Uint8Array | undefined)[]): readonly string[] {
  return staples.map((staple) => Buffer.from(staple ?? []).toString('hex'))
}

/**
 * Counts the staples that a server hands out, one after the other. Throws where there is none, or where one is older than that before it. When nginx reloads, its
 * old workers take connections for a moment beside the new ones.
 */
async function watch(edge: PartitionedEdge, signal: AbortSignal): Promise<number> {
  const overlapMs = edge.server === 'nginx' ? NGINX_OVERLAP_MS : 0
  let [count, newest, since] = [0, 0, 0]
  while (true) {
    const isLast = signal.aborted
    const staple = await edge.handshake()
    const at = performance.now()
    const parsed = parseResponse(staple ?? new Uint8Array())
    const single = 'kind' in parsed ? undefined : parsed.basic?.responses[0]
    if (single === undefined) throw new Error(`${edge.server} staples nothing`)
    const { thisUpdate } = single
    if (thisUpdate > newest) [count, newest, since] = [count + 1, thisUpdate, at]
    else if (thisUpdate < newest && at - since > overlapMs) {
      throw new Error(`${edge.server} staples an older one, ${at - since} ms after a newer`)
    }
    if (isLast) return count
    await wait(LOOK_EVERY_MS)
  }
}

const NGINX_OVERLAP_MS = 500
const ROUNDS = 18
const CERTIFICATES = 1 + ROUNDS
/** With it, the first two connections of each network meet all faults. */
const SEED = 4
const BETWEEN_ROUNDS_MS = 200
const LOOK_EVERY_MS = 20
const PATIENTLY = { timeout: 10_000 }
