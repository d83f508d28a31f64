import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { systemClock } from '../time/clock.ts'
import { type AllowedAddresses, parseAllowedAddresses } from './address-screen.ts'
import { UndiciTransport, type UndiciTransportOptions } from './undici-transport.ts'

/** A server on a free port of 127.0.0.1. */
export interface TestServer extends AsyncDisposable {
  readonly port: number
  /** `http://127.0.0.1:port`. */
  readonly origin: string
  /** TCP connections accepted so far. */
  readonly connections: () => number
}

export async function httpServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void,
): Promise<TestServer> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => answer(request, response, Buffer.concat(chunks)))
  })
  return listening(server)
}

/** Calls `converse` with what each connection sent first; what it writes is what goes over the wire. */
export async function rawServer(
  converse: (socket: Socket, received: string) => void,
): Promise<TestServer> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (data) => converse(socket, data.toString('latin1')))
  })
  return listening(server)
}

async function listening(server: Server): Promise<TestServer> {
  const sockets = new Set<Socket>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return {
    port: address.port,
    origin: `http://127.0.0.1:${address.port}`,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function allowing(...entries: readonly string[]): AllowedAddresses {
  const allowed = parseAllowedAddresses(entries)
  if ('kind' in allowed) throw new Error(allowed.problem)
  return allowed
}

/** A transport that may talk to 127.0.0.1. */
export function testTransport(options: Partial<UndiciTransportOptions> = {}): UndiciTransport {
  const allowed = allowing('127.0.0.0/8')
  return new UndiciTransport({ clock: systemClock, allowed, version: '1.2.3', ...options })
}
