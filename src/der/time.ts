/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number & { readonly [unit]: 'EpochMs' }

/** A length of time in milliseconds. */
export type DurationMs = number & { readonly [unit]: 'DurationMs' }

declare const unit: unique symbol

/** Brands a number of milliseconds since 1970-01-01T00:00:00Z. */
export function epochMs(value: number): EpochMs {
  return value as EpochMs
}

/** Brands a number of milliseconds. */
export function durationMs(value: number): DurationMs {
  return value as DurationMs
}

/** `at` moved by `by`, which may be negative. */
export function plus(at: EpochMs, by: number): EpochMs {
  return (at + by) as EpochMs
}

/** The time as ISO 8601 in UTC, without milliseconds when they are zero: `2026-11-25T04:10:00Z`. */
export function iso(at: EpochMs): string {
  if (!Number.isFinite(at) || Math.abs(at) > MAX_DATE_MS) return 'never'
  return new Date(at).toISOString().replace('.000Z', 'Z')
}

/** A UTC calendar time as milliseconds since the epoch, or `undefined` where no such time exists (31 February, 25 o'clock). */
export function fromCalendar(time: CalendarTime): EpochMs | undefined {
  const date = midnight(time.year, time.month, time.day)
  const sinceMidnight = timeOfDay(time.hour, time.minute, time.second)
  if (date === undefined || sinceMidnight === undefined) return undefined
  return plus(date, sinceMidnight)
}

/** The beginning of a UTC day, `undefined` where the calendar does not have it. */
export function midnight(year: number, month: number, day: number): EpochMs | undefined {
  // Asked this way round, as a part that is no number (NaN) must not pass: NaN as thisUpdate would pass every later comparison.
  const isMonth = year >= 0 && month >= 1 && month <= 12
  if (!isMonth || !(day >= 1 && day <= daysInMonth(year, month))) return undefined
  return epochMs(daysFromEpoch(year, month, day) * DAY_MS)
}

/** A time of day as what has passed since midnight, `undefined` where no day has it. */
export function timeOfDay(hour: number, minute: number, second: number): DurationMs | undefined {
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return undefined
  return durationMs(hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS)
}

/** The parts of a UTC time as ASN.1 writes them: month and day count from 1. */
export interface CalendarTime {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

/** The UTC calendar time of `at`, milliseconds dropped. */
export function toCalendar(at: EpochMs): CalendarTime {
  const date = new Date(at)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  }
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
}

// Proleptic Gregorian calendar. `Date.UTC` is slower and reads the years 0 to 99 as 1900 to 1999.
function daysFromEpoch(year: number, month: number, day: number): number {
  const leapDays = leapDaysBefore(month <= 2 ? year : year + 1)
  return year * 365 + leapDays + (DAYS_BEFORE_MONTH[month] ?? 0) + day - 1 - DAYS_TO_1970
}

/** How many of the years from 0 to the one before `year` are leap years. */
function leapDaysBefore(year: number): number {
  return Math.ceil(year / 4) - Math.ceil(year / 100) + Math.ceil(year / 400)
}

/** In a year of 365 days, by month counted from 1. */
const DAYS_BEFORE_MONTH = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
/** From 0000-01-01 to 1970-01-01. */
const DAYS_TO_1970 = 719_528

export const SECOND_MS = 1_000
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

const MAX_DATE_MS = 8.64e15
