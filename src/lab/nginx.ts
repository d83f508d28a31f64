import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** One `server` block. Paths are absolute. */
export interface NginxSite {
  readonly name: string
  /** PEM: the certificate and then its issuer. */
  readonly chainFile: string
  readonly keyFile: string
  /** DER. Must be there, or nginx does not start. */
  readonly stapleFile: string
}

/** An nginx that shares nothing with one of the machine. Ends when disposed of, and with the process. */
export interface Nginx extends AsyncDisposable {
  readonly port: number
}

/** Where nginx is; also looked for in the folders of servers, which the PATH of ordinary users lacks. */
export function findNginx(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, 'nginx')).find(isProgram)
}

/**
 * Writes what `sh` runs to have nginx read its files again, and gives its path. Does nothing while nginx is not running: it cannot be
 * started before its first staples are there.
 */
export function writeReloadScript(program: string, prefix: string): string {
  mkdirSync(prefix, { recursive: true })
  const path = join(prefix, 'reload.sh')
  const reload = `${quoted(program)} -p ${quoted(prefix)} -c nginx.conf -e stderr -s reload`
  writeFileSync(path, `cd ${quoted(prefix)} && { test ! -s nginx.pid || ${reload}; }\n`)
  return path
}

/** Starts nginx with its configuration in `prefix`, on a free port of 127.0.0.1. Every page says `ok`. Throws what nginx complains of. */
export async function startNginx(
  program: string,
  prefix: string,
  sites: readonly NginxSite[],
): Promise<Nginx> {
  mkdirSync(prefix, { recursive: true })
  const port = await freePort()
  writeFileSync(join(prefix, 'nginx.conf'), configText(sites, port))
  // In a process group of its own: Ctrl-C goes to the whole group of the terminal, and would end nginx before its clients.
  const child = spawn(program, ['-p', prefix, '-c', 'nginx.conf', '-e', 'stderr'], {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
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

function configText(sites: readonly NginxSite[], port: number): string {
  const servers = sites.map(({ name, chainFile, keyFile, stapleFile }) =>
    [
      'server {',
      `  listen 127.0.0.1:${port} ssl;`,
      `  server_name ${name};`,
      `  ssl_certificate "${chainFile}";`,
      `  ssl_certificate_key "${keyFile}";`,
      '  ssl_stapling on;',
      `  ssl_stapling_file "${stapleFile}";`,
      '  return 200 "ok\\n";',
      '}',
    ].join('\n'),
  )
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    'daemon off;',
    'worker_processes 1;',
    'error_log stderr warn;',
    'pid nginx.pid;',
    'events {}',
    'http {',
    'access_log off;',
    ...temporary.map((name) => `${name}_temp_path ${name};`),
    ...servers,
    '}\n',
  ].join('\n')
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
  throw new Error(complaint.trim().split('\n').at(-1) ?? 'it does not listen')
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

/** nginx cannot be told to take any free port. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}

const ATTEMPT_EVERY_MS = 20
const MAX_ATTEMPTS = 250
const STOP_MS = 2_000
