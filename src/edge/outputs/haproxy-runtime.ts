import { connect } from 'node:net'
import { type DurationMs, durationMs, SECOND_MS } from '../../der/time.ts'

/** HAProxy could not be asked; the message says what to do. */
export class HaproxyRuntimeError extends Error {
  override readonly name = 'HaproxyRuntimeError'
  readonly code = 'HAPROXY_RUNTIME'
}

/**
 * Gives one command to HAProxy's runtime API and resolves to what it says, without white space at the ends. `socket` is the path of a UNIX
 * socket, or HOST:PORT. Rejects with a {@link HaproxyRuntimeError}.
 */
export function askHaproxy(socket: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = connect(addressOf(socket))
    let answer = ''
    const fail = (problem: string) => {
      connection.destroy()
      reject(new HaproxyRuntimeError(`${socket}: ${problem}`))
    }
    // A command that is too long gets no answer at all, at times.
    connection.setTimeout(TIMEOUT, () => fail(`no answer within ${TIMEOUT / SECOND_MS} s`))
    connection.setEncoding('utf8')
    connection.on('error', (error) => fail(explained(error, socket)))
    connection.on('data', (text: string) => {
      answer += text
      if (answer.length > MAX_ANSWER_LENGTH) fail('its answer does not end')
    })
    // Without `prompt` it ends the connection after one command.
    connection.on('end', () => {
      connection.destroy()
      resolve(answer.trim())
    })
    connection.write(`${command}\n`)
  })
}

function addressOf(socket: string): { readonly path: string } | { host: string; port: number } {
  if (socket.startsWith('/')) return { path: socket }
  const at = socket.lastIndexOf(':')
  const host = socket.slice(0, at).replace(/^\[(.*)\]$/, '$1')
  return { host, port: Number(socket.slice(at + 1)) }
}

function explained(error: Error, socket: string): string {
  switch ('code' in error ? error.code : undefined) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `no HAProxy answers there; start it, with 'stats socket ${socket} level admin' in its configuration`
    case 'EACCES':
      return `user ${process.getuid?.() ?? '?'} may not use it; give it permission by 'user', 'group' or 'mode' of 'stats socket'`
    default:
      return error.message
  }
}

const TIMEOUT: DurationMs = durationMs(5 * SECOND_MS)
/** `show info` has some 3 kB. */
const MAX_ANSWER_LENGTH = 100_000
