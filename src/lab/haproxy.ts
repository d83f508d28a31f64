import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ServerProcess, type Site, startServerProcess } from './server-process.ts'

/** What an HAProxy is started with. */
export interface HaproxyOptions {
  readonly program: string
  /** A folder of its own, made with {@link prepareHaproxy}. */
  readonly folder: string
  /** Of 127.0.0.1. */
  readonly port: number
}

/** Writes the certificates with their keys into a folder, as `NAME.pem`, each with an empty file `NAME.pem.ocsp` for its staple. */
export function prepareHaproxy(folder: string, sites: readonly Site[]): void {
  mkdirSync(join(folder, CERTIFICATES), { recursive: true })
  for (const { name, chainFile, keyFile } of sites) {
    const path = join(folder, CERTIFICATES, `${name}.pem`)
    const both = [chainFile, keyFile].map((file) => readFileSync(file, 'utf8'))
    writeFileSync(path, both.join(''), { mode: 0o600 })
    writeFileSync(`${path}.ocsp`, '')
  }
}

/** The template of the path of a staple, for a certificate in the file `NAME.pem`. */
export function haproxyStapleFile(folder: string): string {
  return join(folder, CERTIFICATES, '{name}.pem.ocsp')
}

/** Where its runtime socket is. */
export function haproxySocket(folder: string): string {
  return join(folder, 'admin.sock')
}

/** Starts HAProxy. Every page says `ok`. Throws what HAProxy complains of. */
export function startHaproxy({ program, folder, port }: HaproxyOptions): Promise<ServerProcess> {
  const config = join(folder, 'haproxy.cfg')
  writeFileSync(config, configText(folder, port))
  return startServerProcess(program, ['-db', '-q', '-f', config], port)
}

function configText(folder: string, port: number): string {
  return `global
  stats socket ${spaced(haproxySocket(folder))} mode 600 level admin
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend tls
  bind 127.0.0.1:${port} ssl crt ${spaced(join(folder, CERTIFICATES))}
  http-request return status 200 content-type text/plain string ok
`
}

/** HAProxy ends words at spaces. */
function spaced(path: string): string {
  return path.replaceAll(/[\\ #"']/g, '\\$&')
}

const CERTIFICATES = 'certificates'
