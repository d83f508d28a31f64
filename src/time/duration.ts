import { DAY_MS, type DurationMs, durationMs, HOUR_MS, MINUTE_MS, SECOND_MS } from '../der/time.ts'

/**
 * A length of time as people write it: `90s`, `12h`, `1h30m`, `1.5h`. Units are ms, s, m, h and d, each at most once and the largest
 * first; white space between parts does not matter. `undefined` for anything else, a number without a unit included.
 */
export function parseDuration(text: string): DurationMs | undefined {
  const match = DURATION.exec(text)
  const parts = match?.slice(1) ?? []
  if (parts.every((part) => part === undefined)) return undefined
  const sum = units.reduce((sum, { ms }, i) => sum + Number(parts[i] ?? 0) * ms, 0)
  return durationMs(Math.round(sum))
}

/** A length of time for people, in its two largest units: `6d 4h`, `1m 30s`, `1.5s`, `250ms`. */
export function formatDuration(duration: DurationMs): string {
  if (duration < 0) return `-${formatDuration(durationMs(Math.abs(duration)))}`
  if (!Number.isFinite(duration)) return 'forever'
  const rounded = Math.round(duration)
  if (rounded < SECOND_MS) return `${rounded}ms`
  if (rounded < SUB_SECOND_BELOW_MS) return `${Math.round(rounded / 100) / 10}s`
  let left = Math.round(rounded / SECOND_MS) * SECOND_MS
  const first = units.findIndex(({ ms }) => left >= ms)
  const parts = units.slice(first, first + 2).map(({ name, ms }) => {
    const count = Math.floor(left / ms)
    left -= count * ms
    return count === 0 ? '' : `${count}${name}`
  })
  return parts.filter((part) => part !== '').join(' ')
}

const units = [
  { name: 'd', ms: DAY_MS },
  { name: 'h', ms: HOUR_MS },
  { name: 'm', ms: MINUTE_MS },
  { name: 's', ms: SECOND_MS },
  { name: 'ms', ms: 1 },
] as const

const DURATION = new RegExp(
  `^\\s*${units.map(({ name }) => `(?:(\\d{1,15}(?:\\.\\d+)?)${name}\\s*)?`).join('')}$`,
)
/** Below this, tenths of a second are shown: they matter in time-outs and response times. */
const SUB_SECOND_BELOW_MS = 10_000
