import { describe, expect, it, test } from 'vitest'
import { DAY_MS, HOUR_MS, plus } from '../../der/time.ts'
import { now } from '../_setup.ts'
import { collected } from './_setup.ts'
import { type CollectedReport, current, MAX_COLLECTED, withReport } from './collected-report.ts'

function at(minutes: number): Pick<CollectedReport, 'firstAt' | 'lastAt'> {
  const time = plus(now, minutes * 60_000)
  return { firstAt: time, lastAt: time }
}
const first = collected(at(0))

describe('withReport()', () => {
  it('counts what comes again within an hour', () => {
    const again = withReport(withReport([first], collected(at(30))), collected(at(59)))
    expect(again).toEqual([{ ...first, count: 3, lastAt: plus(now, 59 * 60_000) }])
  })

  it('adds what comes again after an hour, and counts with that from then on', () => {
    const later = collected(at(60))
    const all = withReport(withReport([first], later), collected(at(61)))
    expect(all.map(({ firstAt, count }) => [firstAt, count])).toEqual([
      [first.firstAt, 1],
      [later.firstAt, 2],
    ])
  })

  test.each<[string, Partial<CollectedReport>]>([
    ['host', { host: 'mail.example.org' }],
    ['port', { port: 8443 }],
    ['certificate', { certificate: 'ab'.repeat(32) }],
    ['report without certificate', { certificate: undefined }],
    ['reason', { reason: 'next-update-passed' }],
    ['standing: no longer managed', { name: undefined }],
  ])('adds another %s', (_name, changes) => {
    const other = collected({ ...at(1), ...changes })
    expect(withReport([first], other)).toEqual([first, other])
  })

  it('counts too after our clock was set back a little', () => {
    expect(withReport([first], collected(at(-10)))).toMatchObject([{ count: 2 }])
  })

  it('drops what is a week old', () => {
    const week = collected(at(7 * 24 * 60))
    expect(withReport([first], week)).toEqual([week])
  })

  const ours = many(MAX_COLLECTED, (i) => collected({ ...at(i / 100), host: `a${i}` }))
  it('keeps so many, the newest', () => {
    const all = withReport(ours, collected(at(20)))
    expect(all).toHaveLength(MAX_COLLECTED)
    expect([all[0]?.host, all.at(-1)?.host]).toEqual(['a1', 'www.example.org'])
  })

  it('drops what is not managed before what is', () => {
    const foreign = collected({ ...at(15), name: undefined, host: 'foreign' })
    const all = withReport([...ours.slice(1), foreign], collected(at(20)))
    expect(all.map(({ host }) => host)).toEqual([
      ...ours.slice(1).map(({ host }) => host),
      'www.example.org',
    ])
    expect(withReport(ours, foreign)).toEqual(ours)
  })
})

describe('current()', () => {
  it('leaves out what is a week old', () => {
    expect(current([first], plus(now, 7 * DAY_MS - 1))).toEqual([first])
    expect(current([first], plus(now, 7 * DAY_MS))).toEqual([])
    expect(current([first], plus(now, -HOUR_MS))).toEqual([first])
  })
})

function many<Value>(count: number, make: (i: number) => Value): Value[] {
  return Array.from({ length: count }, (_, i) => make(i))
}
