import { DAY_MS, HOUR_MS, SECOND_MS } from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'
import { seededRandom } from '../seeded-random.ts'
import { healthyResponders, type Interval, type SimulatedResponder } from './responders.ts'

/** What goes wrong in the world of one row of the table. */
export interface Scenario {
  readonly name: string
  /** For people, in a few words. */
  readonly meaning: string
  /** What may be done to each responder. */
  readonly harms: readonly Harm[]
  /** When certificates are issued anew beside their renewals: not, or all within an hour, as after Heartbleed. */
  readonly reissue: 'none' | 'all-in-an-hour'
}

/** Changes a responder, or gives the very same where it is spared. */
type Harm = (responder: SimulatedResponder, context: HarmContext) => SimulatedResponder

interface HarmContext {
  readonly responders: readonly SimulatedResponder[]
  /** Length of the simulation in milliseconds. */
  readonly length: number
  readonly random: Random
}

/** Every scenario, in the order of the table. */
export const scenarios: readonly Scenario[] = scenariosOf()

/** The responders of a scenario, the same for the same seed. */
export function respondersOf(
  { harms }: Pick<Scenario, 'harms'>,
  seed: number,
  length: number,
): SimulatedResponder[] {
  const responders = healthyResponders(seed, length)
  return responders.map((responder) => {
    const harmed = harms.reduce((each, harm) => {
      const random = seededRandom(seed, harm.name, responder.name)
      return harm(each, { responders, length, random })
    }, responder)
    return harmed === responder ? responder : { ...harmed, isHealthy: false }
  })
}

function scenariosOf(): Scenario[] {
  const all = [oneInSix, outage, storms, withoutOverlap, slowToKnow]
  const one = (name: string, meaning: string, ...harms: Harm[]): Scenario => {
    return { name, meaning, harms, reissue: 'none' }
  }
  const reissue = 'all-in-an-hour'
  return [
    one('calm', 'CAs are well but for a quarter of an hour now and then'),
    one('one-in-six-failing', 'one backend of six says 404, at a third of CAs', oneInSix),
    one('outage-72h', 'a third of CAs is away for 72 hours, each at its own time', outage),
    one('try-later-storm', 'twice for days, tryLater for 30 %, at a third of CAs', storms),
    one('one-hour-no-overlap', 'one CA with 1/200: periods of an hour, apart', withoutOverlap),
    one('slow-to-know', 'a third of CAs knows new certificates after an hour', slowToKnow),
    { ...one('mass-reissue', 'every certificate is issued anew within an hour'), reissue },
    { ...one('everything', 'all of it at once', ...all), reissue },
  ]
}

function oneInSix(responder: SimulatedResponder, { random }: HarmContext): SimulatedResponder {
  return random() < SHARE_HARMED ? { ...responder, failing: 1 / 6 } : responder
}

function outage(
  responder: SimulatedResponder,
  { length, random }: HarmContext,
): SimulatedResponder {
  if (random() >= SHARE_HARMED) return responder
  const outages = [...responder.outages, intervalOf(72 * HOUR_MS, length, random)]
  return { ...responder, outages: outages.sort((a, b) => a.from - b.from) }
}

function storms(
  responder: SimulatedResponder,
  { length, random }: HarmContext,
): SimulatedResponder {
  if (random() >= SHARE_HARMED) return responder
  const storms = [0.3, 0.3].map((share) => {
    return { ...intervalOf((1 + 3 * random()) * DAY_MS, length, random), share }
  })
  return { ...responder, storms }
}

/** CA #1. Of one responder, that whose share is nearest to one in 200. */
function withoutOverlap(
  responder: SimulatedResponder,
  { responders }: HarmContext,
): SimulatedResponder {
  const distance = ({ share }: SimulatedResponder) => Math.abs(share - 1 / 200)
  const nearest = Math.min(...responders.map(distance))
  if (responders.find((each) => distance(each) === nearest)?.name !== responder.name) {
    return responder
  }
  const period = { validity: HOUR_MS, renewEvery: HOUR_MS }
  return { ...responder, ...period, lag: 5 * SECOND_MS, maxAge: 0 }
}

function slowToKnow(responder: SimulatedResponder, { random }: HarmContext): SimulatedResponder {
  return random() < SHARE_HARMED ? { ...responder, slowToKnow: HOUR_MS } : responder
}

/** An interval of this length somewhere in the simulation. */
function intervalOf(duration: number, length: number, random: Random): Interval {
  const from = random() * Math.max(0, length - duration)
  return { from, to: from + duration }
}

const SHARE_HARMED = 1 / 3
