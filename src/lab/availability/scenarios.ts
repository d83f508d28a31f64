import { HOUR_MS } from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'
import { seededRandom } from '../seeded-random.ts'
import { healthyResponders, type Interval, type SimulatedResponder } from './responders.ts'

/** What goes wrong in the world of one row of the table. */
export interface Scenario {
  readonly name: string
  /** For people, in a few words. */
  readonly meaning: string
  /** What is done to each responder; its place in the list, the length of the simulation and randomness of its own are given. */
  readonly harm: (responder: SimulatedResponder, context: HarmContext) => SimulatedResponder
  /** Whether every certificate is issued anew within one hour, as after Heartbleed; else each is renewed once, at some time. */
  readonly reissue: 'once-at-some-time' | 'all-in-an-hour'
}

export interface HarmContext {
  readonly at: number
  /** Length of the simulation in milliseconds. */
  readonly length: number
  readonly random: Random
}

type Harm = Scenario['harm']

const none: Harm = (responder) => responder
const oneInSix: Harm = (responder) => ({ ...responder, failing: 1 / 6 })
const outage: Harm = (responder, { length, random }) => ({
  ...responder,
  outages: [intervalOf(72 * HOUR_MS, length, random)],
})
const storm: Harm = (responder, { length, random }) => ({
  ...responder,
  storms: [0.3, 0.3].map((share) => ({
    ...intervalOf((6 + 42 * random()) * HOUR_MS, length, random),
    share,
  })),
})
/** CA #1: one that has 2 % of the certificates. Its answers can be had at thisUpdate, which is when the one before ends. */
const withoutOverlap: Harm = (responder, { at }) =>
  at === WITHOUT_OVERLAP
    ? { ...responder, validity: HOUR_MS, renewEvery: HOUR_MS, lag: 0, maxAge: 0 }
    : responder
const slowToKnow: Harm = (responder) => ({ ...responder, slowToKnow: 12 * HOUR_MS })

/** Every scenario, in the order of the table. */
export const scenarios: readonly Scenario[] = [
  scenario('calm', 'every CA is well', none),
  scenario('one-in-six', 'one backend of six answers 404, at every CA', oneInSix),
  scenario('outage', 'every CA is away for 72 hours, each at another time', outage),
  scenario('try-later', 'twice for 6 to 48 hours a CA says tryLater for 30 %', storm),
  scenario('no-overlap', 'a CA with 2 %: valid for one hour, no overlap', withoutOverlap),
  scenario('slow-to-know', 'up to 12 hours until a CA knows what it issued', slowToKnow),
  scenario('reissue', 'every certificate is issued anew within one hour', none, 'all-in-an-hour'),
  scenario(
    'everything',
    'all of it at once',
    allOf(oneInSix, outage, storm, withoutOverlap, slowToKnow),
    'all-in-an-hour',
  ),
]

/** The responders of a scenario, the same for the same seed. */
export function respondersOf(
  { name, harm }: Scenario,
  seed: number,
  length: number,
): SimulatedResponder[] {
  return healthyResponders().map((responder, at) => {
    const random = seededRandom(seed, name, responder.name)
    const harmed = harm(responder, { at, length, random })
    return harmed === responder ? responder : { ...harmed, isHealthy: false }
  })
}

function scenario(
  name: string,
  meaning: string,
  harm: Harm,
  reissue: Scenario['reissue'] = 'once-at-some-time',
): Scenario {
  return { name, meaning, harm, reissue }
}

function allOf(...harms: readonly Harm[]): Harm {
  return (responder, context) => harms.reduce((each, harm) => harm(each, context), responder)
}

/** An interval of this length somewhere in the simulation, not in its first tenth, in which staples are fetched for the first time. */
function intervalOf(duration: number, length: number, random: Random): Interval {
  const from = length * 0.1 + random() * Math.max(0, length * 0.9 - duration)
  return { from, to: from + duration }
}

const WITHOUT_OVERLAP = 12
