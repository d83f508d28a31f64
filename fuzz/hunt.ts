import type { Mutant } from '../src/lab/mutants/mutants.ts'
import { seededRandom } from '../src/lab/seeded-random.ts'
import type { Oracle } from './oracles.ts'

/** What is on trial: gives the bytes that would be stapled, or `undefined` for a response that it refuses. */
export type Gate = (response: Uint8Array) => Uint8Array | undefined

export interface HuntOptions {
  readonly gate: Gate
  readonly makeMutant: (random: () => number) => Mutant
  readonly oracles: readonly Oracle[]
  /** The same seed makes the same mutations. */
  readonly seed: number
  /** The first input, counted from 0. Default: 0. */
  readonly from?: number
  /** Whether to go on after so many inputs, asked before each. */
  readonly goesOn: (hunt: Hunt) => boolean
}

/** What has come out so far. */
export interface Hunt {
  /** Inputs put to the gate. */
  tried: number
  /** Inputs that the gate took. */
  accepted: number
  /** Different responses that it would staple, and that the oracles were therefore asked about. */
  asked: number
  /** Of {@link sampled} inputs that the gate refused: those that every oracle takes. That is allowed, and good to know. */
  stricter: number
  sampled: number
  readonly disagreements: Disagreement[]
}

/** The gate took what an oracle does not. */
export interface Disagreement {
  readonly oracle: string
  readonly objection: string
  readonly seed: number
  /** The number of the input. */
  readonly input: number
  readonly story: string
  readonly received: Uint8Array
  /** What the gate made of it. */
  readonly stapled: Uint8Array
}

/** Puts mutants to the gate, and asks the oracles about all that it takes, and about a few that it does not. */
export async function hunt(options: HuntOptions): Promise<Hunt> {
  const { gate, makeMutant, oracles, seed, from = 0, goesOn } = options
  const result: Hunt = {
    tried: 0,
    accepted: 0,
    asked: 0,
    stricter: 0,
    sampled: 0,
    disagreements: [],
  }
  const known = new Set<string>()
  const pending = new Set<Promise<void>>()
  const ask = async (question: () => Promise<void>) => {
    const answer = question().finally(() => pending.delete(answer))
    pending.add(answer)
    if (pending.size >= MAX_PENDING) await Promise.race(pending)
  }
  for (let input = from; goesOn(result); input++) {
    const { response: received, story } = makeMutant(seededRandom(seed, input))
    const stapled = gate(received)
    result.tried++
    if (stapled === undefined) {
      if (result.tried % SAMPLE === 0) await ask(() => sample(result, oracles, received))
      continue
    }
    result.accepted++
    const key = Buffer.from(stapled).toString('latin1')
    if (known.has(key)) continue
    if (known.size === MAX_KNOWN) known.clear()
    known.add(key)
    result.asked++
    await ask(async () => {
      for (const { name: oracle, objection } of oracles) {
        const said = await objection(stapled)
        if (said === undefined) continue
        const what = { oracle, objection: said, seed, input, story, received, stapled }
        result.disagreements.push(what)
      }
    })
  }
  await Promise.all(pending)
  return result
}

async function sample(
  result: Hunt,
  oracles: readonly Oracle[],
  received: Uint8Array,
): Promise<void> {
  const objections = await Promise.all(oracles.map(({ objection }) => objection(received)))
  result.sampled++
  if (objections.every((objection) => objection === undefined)) result.stricter++
}

/** Enough to keep two processors busy. */
const MAX_PENDING = 4
const MAX_KNOWN = 100_000
/** One in so many of the refused inputs is put to the oracles. */
const SAMPLE = 500
