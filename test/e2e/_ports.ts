import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { RunningProgram } from './_program.ts'

/**
 * Starts a server that cannot be told to take any free port: ports are looked for, and others when somebody was faster.
 */
export async function onFreePorts<Started>(
  count: number,
  start: (ports: readonly number[]) => Promise<Started>,
): Promise<Started> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePorts(count))
    } catch (error) {
      const isTaken = error instanceof Error && /address already in use/i.test(error.message)
      if (!isTaken || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

/** Ports of 127.0.0.1 that nobody listens on just now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const listeners = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(listeners.map((listener) => once(listener, 'listening')))
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port)
  await Promise.all(listeners.map((listener) => new Promise((closed) => listener.close(closed))))
  return ports
}

/** Waits until a program accepts connections. Rejects with what it wrote when it does not in time, or has ended. */
export async function accepting(port: number, program: RunningProgram): Promise<void> {
  for (let attempt = 0; attempt < MAX_LOOKS; attempt += 1) {
    if (await isOpen(port)) return
    await wait(LOOK_EVERY_MS)
    if (!program.runs()) break
  }
  throw new Error(`it does not listen on port ${port}:\n${program.output()}`)
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const settle = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => settle(true)).once('error', () => settle(false))
  })
}

const MAX_ATTEMPTS = 5
const MAX_LOOKS = 400
const LOOK_EVERY_MS = 25
