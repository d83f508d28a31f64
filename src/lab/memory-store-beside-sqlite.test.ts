import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { durationMs, HOUR_MS, plus } from '../der/time.ts'
import { certificate, NOW, plain, schedule, staple } from '../store/_records.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import type { Random } from '../time/clock.ts'
import { MemoryStore } from './memory-store.ts'
import { seededRandom } from './seeded-random.ts'

it('MemoryStore does in every step what SQLite does', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-lab-'))
  const sqlite = await openSqliteStore({ folder })
  const random = seededRandom('beside')
  try {
    const memory = new MemoryStore()
    for (let step = 0; step < STEPS; step++) {
      const act = action(random)
      expect(await act(memory), `step ${step}`).toEqual(await act(sqlite))
    }
    expect(await all(memory)).toEqual(await all(sqlite))
    expect(await memory.coverage(NOW)).toEqual(await sqlite.coverage(NOW))
    expect(await memory.responderCoverage(NOW)).toEqual(await sqlite.responderCoverage(NOW))
  } finally {
    await sqlite[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  }
})

/** Something to do with a store, out of few certificates and few times, so that much of it collides. */
function action(random: Random): (store: Store) => Promise<unknown> {
  const below = (count: number) => Math.floor(random() * count)
  const near = (spread: number) => plus(NOW, below(spread) - spread / 2)
  const { id, certIDKey = '' } = certificate(below(CERTIFICATES))
  const at = near(8)
  const responder = `http://${below(3)}`
  const limit = below(4)
  const mustStaple = below(2) === 0
  const classification = below(8) === 0 ? 'expired' : 'ocsp'
  const record = certificate(below(CERTIFICATES), { responder, mustStaple, classification })
  const next = schedule({ dueAt: near(8), attempts: below(2) })
  const servedFrom = plus(at, below(3))
  const held = staple(below(9), { usableUntil: near(6), fetchedAt: at, servedFrom })
  const seen = below(CERTIFICATES)
  const outcome = below(2) === 0 ? { staple: held } : {}
  const actions: readonly ((store: Store) => Promise<unknown>)[] = [
    (store) => store.putCertificates([record], at),
    (store) => store.complete(id, next, outcome),
    (store) => store.complete(id, next, outcome),
    (store) => (limit === 0 ? store.removeCertificates([id]) : store.withdrawStaple(id)),
    (store) => store.dueResponders(at),
    async (store) => {
      const lease = durationMs(limit === 0 ? 2 : HOUR_MS)
      return (await store.claimDue({ responder, now: at, limit, lease })).map(plain)
    },
    async (store) => plain(await store.entry({ certIDKey })),
    (store) => store.nextDueAt(),
    async (store) => {
      // Each numbers its changes in its own way.
      const former = (await store.changes({ after: 0, limit: seen })).changes
      const after = former.at(-1)?.number ?? 0
      const { changes } = await store.changes({ after, limit: 5 })
      return changes.map(({ id, entry }) => [id, entry && plain(entry)])
    },
  ]
  return actions[below(actions.length)] ?? all
}

async function all(store: Store): Promise<unknown> {
  const entries = []
  for await (const entry of store.entries()) entries.push(plain(entry))
  return entries
}

const CERTIFICATES = 30
const STEPS = 800
