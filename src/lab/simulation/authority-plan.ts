import {
  DAY_MS,
  type DurationMs,
  durationMs,
  type EpochMs,
  HOUR_MS,
  plus,
  SECOND_MS,
} from '../../der/time.ts'
import type { Random } from '../../time/clock.ts'
import { between, oneOf, whole } from './draw.ts'

/** One CA with its responder. */
export interface AuthorityPlan {
  /** Its place among the CAs of the world. */
  readonly index: number
  readonly name: string
  /** The origin of its OCSP URL. */
  readonly origin: string
  readonly addresses: readonly string[]
  /** From thisUpdate to nextUpdate. */
  readonly validity: DurationMs
  /** From one thisUpdate to the next. */
  readonly renewal: DurationMs
  /** From its thisUpdate until a response can be had; a second less than nothing where it appears just before the former one ends. */
  readonly lag: DurationMs
  /** Some moment at which a period begins. */
  readonly phase: EpochMs
  readonly latency: DurationMs
  /** Whether it says in Cache-Control until when there is nothing newer. */
  readonly caching: 'told' | 'untold'
}

/** Draws three to six CAs. */
export function drawAuthorities(random: Random, start: EpochMs): AuthorityPlan[] {
  const count = 3 + whole(4, random)
  return Array.from({ length: count }, (_, index) => {
    // Each period of an hour costs as much as a day of the others: one such CA in a world at most, in one of four worlds.
    const isHourly = index === 0 && random() < 0.25
    const { validity, renewal } = isHourly ? oneOf(HOURLY, random) : oneOf(PERIODS, random)
    const hasNoOverlap = renewal === validity
    const lag = hasNoOverlap ? -SECOND_MS : Math.floor(oneOf(LAGS, random) * renewal)
    const addresses = 1 + whole(3, random)
    return {
      ...{ index, validity: durationMs(validity), renewal: durationMs(renewal) },
      name: `ca${index + 1}`,
      origin: `http://ca${index + 1}.test`,
      addresses: Array.from({ length: addresses }, (_, at) => `192.0.2.${index * 10 + at + 1}`),
      lag: durationMs(Math.round(lag / SECOND_MS) * SECOND_MS),
      phase: between(plus(start, -validity), start, random),
      latency: durationMs(5 + whole(300, random)),
      caching: random() < 0.5 ? 'told' : 'untold',
    }
  })
}

const HOURLY = [
  { validity: HOUR_MS, renewal: HOUR_MS },
  { validity: HOUR_MS, renewal: HOUR_MS / 2 },
] as const
const PERIODS = [
  { validity: 8 * HOUR_MS, renewal: 4 * HOUR_MS },
  { validity: 8 * HOUR_MS, renewal: 8 * HOUR_MS },
  { validity: DAY_MS, renewal: 12 * HOUR_MS },
  { validity: 4 * DAY_MS, renewal: DAY_MS },
  { validity: 4 * DAY_MS, renewal: 2 * DAY_MS },
  { validity: 7 * DAY_MS, renewal: DAY_MS },
  { validity: 7 * DAY_MS, renewal: 3.5 * DAY_MS },
] as const
/** As shares of the renewal. */
const LAGS = [0, 0, 0.005, 0.05, 0.2] as const
