import { type EpochMs, fromCalendar, MINUTE_MS, midnight, plus, timeOfDay } from './time.ts'

/** How a time departs from `YYYYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5.2). Clients differ in which of these they take. */
export type TimeFault = 'time-with-fraction' | 'time-without-seconds' | 'time-with-offset'

/** A time read from its text. */
export interface TimeText {
  readonly at: EpochMs
  readonly fault: TimeFault | undefined
}

/** A GeneralizedTime of exactly `YYYYMMDDHHMMSSZ` in `bytes[start, end)`; `undefined` if it is none. */
export function strictGeneralizedTime(
  bytes: Uint8Array,
  start: number,
  end: number,
): EpochMs | undefined {
  if (end - start !== 15 || bytes[end - 1] !== Z) return undefined
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2)
  return readFields(bytes, start + 4, year)
}

/** A GeneralizedTime in any of the forms of BER (fraction, no seconds, offset); `undefined` if it is no time. */
export function looseGeneralizedTime(
  bytes: Uint8Array,
  start: number,
  end: number,
): TimeText | undefined {
  return looseTime(bytes, start, end, 4)
}

/** A UTCTime in `bytes[start, end)`; 50 to 99 are the years 1950 to 1999 (RFC 5280 §4.1.2.5.1). */
export function readUtcTime(bytes: Uint8Array, start: number, end: number): TimeText | undefined {
  if (end - start !== 13 || bytes[end - 1] !== Z) return looseTime(bytes, start, end, 2)
  const at = readFields(bytes, start + 2, fullYear(twoDigits(bytes, start)))
  return at === undefined ? undefined : { at, fault: undefined }
}

/** What stands behind the year. */
function readFields(bytes: Uint8Array, start: number, year: number): EpochMs | undefined {
  const date = midnight(year, twoDigits(bytes, start), twoDigits(bytes, start + 2))
  const sinceMidnight = timeOfDay(
    twoDigits(bytes, start + 4),
    twoDigits(bytes, start + 6),
    twoDigits(bytes, start + 8),
  )
  if (date === undefined || sinceMidnight === undefined) return undefined
  return plus(date, sinceMidnight)
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

/** The decimal number in two octets, or NaN where one is no digit. */
function twoDigits(bytes: Uint8Array, start: number): number {
  const tens = (bytes[start] ?? 0) - 0x30
  const ones = (bytes[start + 1] ?? 0) - 0x30
  const areDigits = tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9
  return areDigits ? tens * 10 + ones : Number.NaN
}

const Z = 0x5a
const MAX_TEXT = 32
const GENERALIZED = /^(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:[.,](\d+))?)?)?(Z|[+-]\d{4})?$/
const UTC = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d{4})$/
