import type { Socket } from 'node:net'
import { durationMs, SECOND_MS } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'
import { type Rate, RateLimit } from './rate-limit.ts'
import { isLoopback, networkOf } from './remote-address.ts'

/** One end of a connection, as its other end is known by. */
export type RemoteEnd = Pick<Socket, 'remoteAddress' | 'remotePort'>

/** A server, as far as it tells of connections. */
export interface ConnectionSource {
  on(event: 'connection', listener: (socket: Socket) => void): unknown
}

/**
 * Lets in so many connections from each network, at a time and a second, and ends the others at
 * once, before a handshake. Those of this machine are not counted, nor those that have shown a
 * token: a fleet may stand behind one address.
 */
export class ConnectionLimit {
  readonly #rate: RateLimit
  /** The ports of what is open, by network. */
  readonly #open = new Map<string, Set<string>>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#rate = new RateLimit(clock, { fromOne: NEW })
  }

  /** Applies to a server from now on. */
  guard(server: ConnectionSource): void {
    server.on('connection', (socket) => {
      if (!isLoopback(socket.remoteAddress ?? '') && !this.#admit(socket)) socket.destroy()
    })
  }

  /** A token was shown over this connection. */
  release(end: RemoteEnd): void {
    const { network, port } = placeOf(end)
    const ports = this.#open.get(network)
    ports?.delete(port)
    if (ports?.size === 0) this.#open.delete(network)
  }

  #admit(socket: Socket): boolean {
    const { network, port } = placeOf(socket)
    const ports = this.#open.get(network) ?? new Set()
    if (ports.size >= MOST_OPEN || this.#rate.admit(network) > 0) return false
    this.#open.set(network, ports.add(port))
    const end = { remoteAddress: socket.remoteAddress, remotePort: socket.remotePort }
    socket.once('close', () => this.release(end))
    return true
  }
}

function placeOf({ remoteAddress = '', remotePort }: RemoteEnd): {
  readonly network: string
  readonly port: string
} {
  return { network: networkOf(remoteAddress), port: `${remoteAddress} ${remotePort}` }
}

/** Servers that ask the OCSP endpoint keep a few; sixteen networks together fill the listener. */
export const MOST_OPEN = 256

/** After a restart all come at once; a handshake with an RSA key takes a millisecond. */
export const NEW: Rate = { burst: 1_000, every: durationMs(SECOND_MS / 50) }
