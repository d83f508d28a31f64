import { type EpochMs, fromCalendar, MINUTE_MS, plus } from './time.ts'

/** How a time departs from `YYYYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5.2). Clients differ in which of these they take. */
export type TimeFault = 'time-with-fraction' | 'time-without-seconds' | 'time-with-offset'

/** A time read from its text. */
export interface TimeText {
  readonly at: EpochMs
  readonly fault: TimeFault | undefined
}

/** A GeneralizedTime in `bytes[start, end)`; BER forms (fraction, no seconds, offset) are read too. `undefined` if it is no time. */
export function readGeneralizedTime(
  bytes: Uint8Array,
  start: number,
  end: number,
): TimeText | undefined {
  if (end - start !== 15 || bytes[end - 1] !== Z) return looseTime(bytes, start, end, 4)
  const year = digits(bytes, start, 4)
  return readFields(bytes, start + 4, year)
}

/** A UTCTime in `bytes[start, end)`; 50 to 99 are the years 1950 to 1999 (RFC 5280 §4.1.2.5.1). */
export function readUtcTime(bytes: Uint8Array, start: number, end: number): TimeText | undefined {
  if (end - start !== 13 || bytes[end - 1] !== Z) return looseTime(bytes, start, end, 2)
  return readFields(bytes, start + 2, fullYear(digits(bytes, start, 2)))
}

function readFields(bytes: Uint8Array, start: number, year: number): TimeText | undefined {
  const at = fromCalendar({
    year,
    month: digits(bytes, start, 2),
    day: digits(bytes, start + 2, 2),
    hour: digits(bytes, start + 4, 2),
    minute: digits(bytes, start + 6, 2),
    second: digits(bytes, start + 8, 2),
  })
  return at === undefined ? undefined : { at, fault: undefined }
}

function looseTime(
  bytes: Uint8Array,
  start: number,
  end: number,
  yearDigits: 2 | 4,
): TimeText | undefined {
  const text = String.fromCharCode(...bytes.subarray(start, Math.min(end, start + MAX_TEXT)))
  const match = (yearDigits === 4 ? GENERALIZED : UTC).exec(text)
  if (match === null || end - start > MAX_TEXT) return undefined
  const [, year, month, day, hour, minute = '0', second, fraction, zone] = match
  const at = fromCalendar({
    year: yearDigits === 4 ? Number(year) : fullYear(Number(year)),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second ?? '0'),
  })
  if (at === undefined) return undefined
  const milliseconds = fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1000)
  return { at: plus(at, milliseconds - offsetMs(zone)), fault: faultOf(second, fraction, zone) }
}

function faultOf(
  second: string | undefined,
  fraction: string | undefined,
  zone: string | undefined,
): TimeFault {
  if (zone !== 'Z') return 'time-with-offset'
  return second === undefined || fraction === undefined
    ? 'time-without-seconds'
    : 'time-with-fraction'
}

function offsetMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5))
  return (zone.startsWith('-') ? -minutes : minutes) * MINUTE_MS
}

function fullYear(year: number): number {
  return year < 50 ? 2000 + year : 1900 + year
}

/** The decimal number in `count` octets, or NaN where one is no digit. */
function digits(bytes: Uint8Array, start: number, count: number): number {
  let value = 0
  for (let i = start; i < start + count; i++) {
    const digit = (bytes[i] ?? 0) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

const Z = 0x5a
const MAX_TEXT = 32
const GENERALIZED = /^(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:[.,](\d+))?)?)?(Z|[+-]\d{4})?$/
const UTC = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d{4})$/
