import { expect, test } from 'vitest'
import { formatShare, Tally } from './tally.ts'

test('a tally has a row per server, a column per act, and sums over those that everstaple feeds', () => {
  const tally = new Tally()
  tally.enter('nginx by itself', 'itself')
  for (const server of ['nginx', 'Node.js']) tally.enter(server, 'everstaple')
  tally.add('nginx', 'CA there', 'stapled')
  tally.add('Node.js', 'CA there', 'missed')
  tally.add('nginx by itself', 'CA there', 'stapled')
  tally.add('nginx', 'CA away', 'stapled')
  tally.add('nginx by itself', 'CA away', 'missed')
  expect(tally.table()).toEqual([
    ['', 'CA there', 'CA away', 'together', ''],
    ['nginx', '1/1', '1/1', '2/2', '100 %'],
    ['Node.js', '0/1', '0/0', '0/1', '0.0 %'],
    ['with everstaple', '1/2', '1/1', '2/3', '66.6 %'],
    ['nginx by itself', '1/1', '0/1', '1/2', '50.0 %'],
  ])
})

test('a tally without handshakes counts none', () => {
  expect(new Tally().total('everstaple')).toEqual({ stapled: 0, all: 0 })
})

test.each([
  [1, 1, '100 %'],
  [9_999, 10_000, '99.9 %'],
  [0, 3, '0.0 %'],
  [0, 0, '-'],
])('%d of %d are %s', (stapled, all, share) => {
  expect(formatShare({ stapled, all })).toBe(share)
})
