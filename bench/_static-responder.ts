// A responder that costs next to nothing: answers made beforehand, found by the path of the GET, after a pause. Runs as a process of its own.
import { createServer } from 'node:net'
import { threadId } from 'node:worker_threads'

/** What the parent sends: answers in base64 by path, and how long each takes. */
export interface Charge {
  readonly answers: readonly (readonly [path: string, body: string])[]
  /** Milliseconds. */
  readonly pause: number
  /** Whether connections are taken and never answered. */
  readonly silent: boolean
}

if (process.send !== undefined && threadId === 0) process.once('message', serve)

function serve(message: unknown): void {
  const { answers, pause, silent } = message as Charge
  const bodies = new Map(answers.map(([path, body]) => [path, httpAnswer(body)]))
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (silent) return
    let pending = ''
    socket.setNoDelay(true)
    socket.on('data', (bytes) => {
      pending += bytes.toString('latin1')
      for (let end = pending.indexOf('\r\n\r\n'); end >= 0; end = pending.indexOf('\r\n\r\n')) {
        const path = pending.slice(4, pending.indexOf(' ', 4))
        pending = pending.slice(end + 4)
        const answer = bodies.get(path) ?? NOT_FOUND
        if (pause === 0) socket.write(answer)
        else setTimeout(() => socket.write(answer), pause)
      }
    })
  })
  server.listen(0, '127.0.0.1', 511, () => {
    const address = server.address()
    process.send?.(typeof address === 'object' ? address?.port : undefined)
  })
}

function httpAnswer(base64: string): Buffer {
  const body = Buffer.from(base64, 'base64')
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

const NOT_FOUND = Buffer.from('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
