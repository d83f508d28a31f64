import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { encodeFeedEvent, type FeedEvent } from '../../src/serve/feed-event.ts'

/** How a fake centre answers whoever follows its feed. */
export type Conduct = (response: ServerResponse) => void

/** Something that an agent takes for its centre. */
export interface FakeCentre extends AsyncDisposable {
  readonly url: string
  /** Answers so from now on, beginning with a new connection. */
  conduct(conduct: Conduct): void
}

/** Starts one that takes every report. */
export async function startFakeCentre(): Promise<FakeCentre> {
  let current: Conduct = tell([])
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    request.resume()
    if (request.url === '/v1/changes') current(response)
    else response.writeHead(204).end()
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    conduct(conduct) {
      current = conduct
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await once(server.close(), 'close')
    },
  }
}

/** Tells these events, and that this is all. */
export function tell(events: readonly FeedEvent[]): Conduct {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const all = [{ kind: 'reset' } as const, ...events, { kind: 'current' } as const]
    const place = (at: number) => `fake-${at}`
    for (const [at, event] of all.entries()) {
      response.write(encodeFeedEvent({ event, place: place(at) }))
    }
  }
}

/** Sends these bytes again and again, as fast as they are taken. */
export function endlessly(text: string, statusCode = 200): Conduct {
  return (response) => {
    response.writeHead(statusCode, { 'content-type': 'text/event-stream' })
    const more = () => {
      while (!response.destroyed && response.write(text));
    }
    response.on('drain', more)
    more()
  }
}

/** Sends a few bytes now and then. */
export function dripping(text: string): Conduct {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let at = 0
    const timer = setInterval(() => response.write(text[at++ % text.length] ?? ''), DRIP_EVERY_MS)
    response.on('close', () => clearInterval(timer))
  }
}

const DRIP_EVERY_MS = 50
