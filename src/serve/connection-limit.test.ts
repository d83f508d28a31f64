import { EventEmitter } from 'node:events'
import { beforeEach, expect, it, test } from 'vitest'
import { durationMs, epochMs, SECOND_MS } from '../der/time.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { ConnectionLimit, MOST_OPEN, NEW } from './connection-limit.ts'

class Connection extends EventEmitter {
  readonly remoteAddress: string
  readonly remotePort: number
  isOpen = true
  constructor(remoteAddress: string, remotePort: number) {
    super()
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
  }
  destroy(): void {
    if (this.isOpen) this.emit('close')
    this.isOpen = false
  }
}

let clock: SimulatedClock
let limit: ConnectionLimit
let server: EventEmitter
let ports = 0
beforeEach(() => {
  clock = new SimulatedClock(epochMs(0))
  limit = new ConnectionLimit(clock)
  server = new EventEmitter()
  limit.guard(server)
  ports = 0
})

function open(count: number, address = '192.0.2.1'): Connection[] {
  const connections = Array.from({ length: count }, () => new Connection(address, ++ports))
  for (const connection of connections) server.emit('connection', connection)
  return connections.filter(({ isOpen }) => isOpen)
}

it('lets in so many at a time from one network', () => {
  const [first] = open(MOST_OPEN + 10)
  expect(open(1)).toEqual([])
  expect(open(1, '192.0.2.2')).toHaveLength(1)
  first?.destroy()
  expect(open(5)).toHaveLength(1)
})

it('counts those no more over which a token was shown', () => {
  const [first, second] = open(MOST_OPEN)
  if (first !== undefined) limit.release(first)
  expect(open(5)).toHaveLength(1)
  first?.destroy()
  expect(open(5)).toEqual([])
  second?.destroy()
  expect(open(5)).toHaveLength(1)
})

it('lets in so many a second from one network', async () => {
  for (let opened = 0; opened < NEW.burst; opened++) {
    for (const connection of open(1)) connection.destroy()
  }
  expect(open(1)).toEqual([])
  await clock.advance(durationMs(SECOND_MS))
  expect(open(100)).toHaveLength(50)
})

test.each(['127.0.0.1', '::1', '::ffff:127.0.0.9'])('does not count %s', (address) => {
  expect(open(3_000, address)).toHaveLength(3_000)
})
