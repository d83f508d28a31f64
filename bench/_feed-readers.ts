// Many readers of one feed, as agents are, over bare sockets. Runs as a process of its own; says when each event arrived.
import { connect } from 'node:net'

/** What the parent sends. */
export interface ReadersCharge {
  readonly port: number
  readonly readers: number
  /** Certificates that each asks for, beside the first one, which all ask for. */
  readonly each: number
}

/** What the readers say: all are up to date, or have heard the order; when an event came, by `Date.now()` in fractions, to each; all events have come. */
export type ReadersReport =
  | { readonly kind: 'current' | 'ready' | 'drained' }
  | { readonly kind: 'arrivals'; readonly arrivals: readonly number[] }

/** What the parent asks for: when the next event comes to each, or so many events in all. */
export type ReadersOrder =
  | { readonly kind: 'arrivals' }
  | { readonly kind: 'drain'; readonly events: number }

let order: ReadersOrder | undefined
let arrivals: number[] = []
let drained = 0

process.on('message', (message: ReadersCharge | ReadersOrder) => {
  if ('port' in message) return begin(message)
  order = message
  arrivals = []
  drained = 0
  say({ kind: 'ready' })
})

function say(report: ReadersReport): void {
  process.send?.(report)
}

/** Fingerprints as the bench makes them. */
export function fingerprint(number: number): string {
  return number.toString(16).padStart(64, '0')
}

function begin({ port, readers, each }: ReadersCharge): void {
  let current = 0
  for (let index = 0; index < readers; index++) {
    const socket = connect(port, '127.0.0.1')
    const own = Array.from({ length: each }, (_, at) => fingerprint(1 + index * each + at))
    const body = JSON.stringify({ fingerprint: [fingerprint(0), ...own] })
    socket.write(
      `POST /v1/changes HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    let isCurrent = false
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1')
      const now = performance.timeOrigin + performance.now()
      const staples = text.split('event: staple').length - 1
      if (!isCurrent && text.includes('event: current')) {
        isCurrent = true
        if (++current === readers) say({ kind: 'current' })
      }
      if (staples === 0 || order === undefined) return
      if (order.kind === 'arrivals') {
        arrivals.push(now)
        if (arrivals.length === readers) say({ kind: 'arrivals', arrivals })
      } else {
        drained += staples
        if (drained === order.events) say({ kind: 'drained' })
      }
    })
  }
}
