import { expect, test } from 'vitest'
import { Tally } from './tally.ts'

test('a tally has a row per server as they entered, a column per act, and sums', () => {
  const tally = new Tally()
  for (const server of ['nginx', 'Node.js']) tally.enter(server)
  tally.add('nginx', 'CA there', 'stapled')
  tally.add('Node.js', 'CA there', 'missed')
  tally.add('nginx', 'CA away', 'stapled')
  expect(tally.table()).toEqual([
    ['', 'CA there', 'CA away', 'together'],
    ['nginx', '1/1', '1/1', '2/2'],
    ['Node.js', '0/1', '0/0', '0/1'],
    ['together', '1/2', '1/1', '2/3'],
  ])
})

test('a tally without handshakes counts none', () => {
  expect(new Tally().total).toEqual({ stapled: 0, all: 0 })
})
