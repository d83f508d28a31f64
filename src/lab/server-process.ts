import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** One name that a server has a certificate for. Paths are absolute. */
export interface Site {
  readonly name: string
  /** PEM: the certificate and then its issuer. */
  readonly chainFile: string
  readonly keyFile: string
}

/** A TLS server that shares nothing with one of the machine. Ends when disposed of, and with the process. */
export interface ServerProcess extends AsyncDisposable {
  readonly port: number
}

/** Where a program is; also looked for in the folders of servers, which the PATH of ordinary users lacks. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

/** Starts a server that stays in the foreground, and waits until it listens. Throws what it complains of. */
export async function startServerProcess(
  program: string,
  args: readonly string[],
  port: number,
): Promise<ServerProcess> {
  // In a process group of its own: Ctrl-C goes to the whole group of the terminal, and would end the server before its clients.
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
  const kill = () => void child.kill('SIGTERM')
  process.once('exit', kill)
  child.once('close', () => process.off('exit', kill))
  try {
    await listening(child, port)
  } catch (error) {
    kill()
    throw error
  }
  return { port, [Symbol.asyncDispose]: () => stop(child) }
}

/** A port of 127.0.0.1 that nobody listens on just now, for servers that cannot be told to take any. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until connections are accepted. */
async function listening(child: ChildProcess, port: number): Promise<void> {
  let complaint = ''
  let ended: 'no' | 'yes' = 'no'
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-1_000)
  })
  child.once('error', ({ message }) => {
    complaint = message
    ended = 'yes'
  })
  child.once('close', () => {
    ended = 'yes'
  })
  for (let attempt = 0; attempt < MAX_ATTEMPTS && ended === 'no'; attempt += 1) {
    if (await isOpen(port)) return
    await wait(ATTEMPT_EVERY_MS)
  }
  throw new Error(complaint.trim().split('\n').at(-1) || 'it does not listen')
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const finish = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => finish(true)).once('error', () => finish(false))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await closed
  clearTimeout(late)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const ATTEMPT_EVERY_MS = 20
const MAX_ATTEMPTS = 250
const STOP_MS = 2_000
