import { once } from 'node:events'
import { connect } from 'node:net'

/** A connection to a Firefox that is steered from outside: one JSON message after the other, each with its length before it. */
export interface Marionette extends Disposable {
  /** Resolves with the result of a WebDriver command, rejects with a {@link MarionetteError}. */
  send(command: string, parameters?: object): Promise<unknown>
}

/** What a command was answered with instead of a result. */
export class MarionetteError extends Error {
  override readonly name = 'MarionetteError'
}

/** Connects to the port that Firefox has opened for it. */
export async function connectMarionette(port: number): Promise<Marionette> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let received: Buffer = Buffer.alloc(0)
  let sent = 0
  const take = (message: unknown) => {
    // The first message is a greeting, and no answer.
    if (!Array.isArray(message)) return
    const [, id, error, result] = message
    if (error === null) waiting.get(id)?.resolve(result)
    else waiting.get(id)?.reject(new MarionetteError(`${error.error}: ${error.message}`))
    waiting.delete(id)
  }
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data])
    for (let message = whole(received); message !== undefined; message = whole(received)) {
      received = received.subarray(message.end)
      take(JSON.parse(message.text))
    }
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new MarionetteError('Firefox hung up'))
  })
  return {
    send(command, parameters = {}) {
      const id = ++sent
      const answer = Promise.withResolvers<unknown>()
      waiting.set(id, answer)
      const text = JSON.stringify([COMMAND, id, command, parameters])
      socket.write(`${Buffer.byteLength(text)}:${text}`)
      return answer.promise
    },
    [Symbol.dispose]: () => {
      socket.destroy()
    },
  }
}

/** The first message, where it is there to its end: `12:{"a": "bcd"}`. */
function whole(bytes: Buffer): { readonly text: string; readonly end: number } | undefined {
  const colon = bytes.indexOf(':')
  if (colon === -1) return undefined
  const end = colon + 1 + Number(bytes.toString('latin1', 0, colon))
  return bytes.length < end ? undefined : { text: bytes.toString('utf8', colon + 1, end), end }
}

/** The type of a message that asks for something. */
const COMMAND = 0
