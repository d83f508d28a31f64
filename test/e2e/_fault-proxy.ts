import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '../../src/lab/seeded-random.ts'

/**
 * What befalls a connection. `refuse`: reset at once. `reset`: in the middle of what the server says. `stall`: nothing more comes until the network is
 * well again. `drip`: a few bytes at a time. `duplicate`: the server gets all twice, over two connections.
 */
export const faults = ['refuse', 'reset', 'stall', 'drip', 'duplicate'] as const

/** One of them. */
export type Fault = (typeof faults)[number]

/** A network between one client and a server that misbehaves, or does not. */
export interface FaultProxy extends AsyncDisposable {
  readonly url: string
  /** Those that connections have met. */
  readonly met: ReadonlySet<Fault>
  /** New connections meet one fault after the other, in an order drawn by the seed; those there are end. */
  break(): void
  /** New connections meet none; what stalled goes on. */
  heal(): void
}

/** Starts one before a port of this machine, without faults. */
export async function startFaultProxy(port: number, seed: number): Promise<FaultProxy> {
  const random = seededRandom('fault proxy', seed)
  const order = faults.map((fault) => ({ fault, at: random() })).sort((a, b) => a.at - b.at)
  const met = new Set<Fault>()
  const open = new Set<Socket>()
  let healed = Promise.withResolvers<void>()
  let isWell = true
  let drawn = 0
  const draw = (): Fault | undefined => {
    if (isWell) return undefined
    const next = order[drawn++ % order.length]?.fault
    if (next !== undefined) met.add(next)
    return next
  }
  const keep = (socket: Socket) => {
    open.add(socket)
    return socket.on('error', () => {}).on('close', () => open.delete(socket))
  }
  const server = createServer((client) => {
    keep(client)
    const fault = draw()
    if (fault === 'refuse') return void client.resetAndDestroy()
    const upstream = keep(connect(port, '127.0.0.1'))
    client.on('close', () => upstream.destroy())
    client.pipe(upstream)
    if (fault === 'duplicate') {
      const twin = keep(connect(port, '127.0.0.1')).resume()
      client.on('close', () => twin.destroy()).pipe(twin)
    }
    const after = random() * MOST_BYTES_BEFORE
    const world = { fault, after, isWell: () => isWell, healed: () => healed.promise }
    bring(upstream, client, world).catch(() => client.destroy())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    met,
    break() {
      isWell = false
      healed = Promise.withResolvers()
      for (const socket of open) socket.resetAndDestroy()
    },
    heal() {
      isWell = true
      healed.resolve()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await once(server.close(), 'close')
    },
  }
}

interface Circumstances {
  readonly fault: Fault | undefined
  /** Bytes that come through before the fault. */
  readonly after: number
  readonly isWell: () => boolean
  readonly healed: () => Promise<void>
}

/** Brings what the server says to the client, or some of it. */
async function bring(from: Socket, to: Socket, world: Circumstances): Promise<void> {
  const { fault, after, isWell, healed } = world
  let brought = 0
  for await (const chunk of from as AsyncIterable<Buffer>) {
    const size = fault === 'drip' ? DRIP_BYTES : PIECE_BYTES
    for (let at = 0; at < chunk.length; at += size) {
      const piece = chunk.subarray(at, at + size)
      const isDue = brought + piece.length > after && !isWell()
      if (isDue && fault === 'reset') return void to.resetAndDestroy()
      if (isDue && fault === 'stall') await healed()
      if (isDue && fault === 'drip') await wait(DRIP_EVERY_MS)
      to.write(piece)
      brought += piece.length
    }
  }
  to.end()
}

const MOST_BYTES_BEFORE = 3_000
const PIECE_BYTES = 100
const DRIP_BYTES = 16
const DRIP_EVERY_MS = 5
