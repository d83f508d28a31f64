import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ServerProcess, type Site, startServerProcess } from './server-process.ts'

/** One `server` block. */
export interface NginxSite extends Site {
  /** DER. Must be there, or nginx does not start. Without one, nginx asks the responder that the certificate names by itself. */
  readonly stapleFile?: string | undefined
}

/** What an nginx is started with. */
export interface NginxOptions {
  readonly program: string
  /** A folder of its own. */
  readonly prefix: string
  /** Of 127.0.0.1. */
  readonly port: number
  readonly sites: readonly NginxSite[]
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

/** Starts nginx. Every page says `ok`. Throws what nginx complains of. */
export function startNginx(options: NginxOptions): Promise<ServerProcess> {
  const { program, prefix, port } = options
  mkdirSync(prefix, { recursive: true })
  writeFileSync(join(prefix, 'nginx.conf'), configText(options))
  const args = ['-p', prefix, '-c', 'nginx.conf', '-e', 'stderr']
  return startServerProcess(program, args, port)
}

function configText({ sites, port }: NginxOptions): string {
  const servers = sites.map(({ name, chainFile, keyFile, stapleFile }) =>
    [
      'server {',
      `  listen 127.0.0.1:${port} ssl;`,
      `  server_name ${name};`,
      `  ssl_certificate "${chainFile}";`,
      `  ssl_certificate_key "${keyFile}";`,
      '  ssl_stapling on;',
      ...(stapleFile === undefined ? [] : [`  ssl_stapling_file "${stapleFile}";`]),
      '  return 200 "ok\\n";',
      '}',
    ].join('\n'),
  )
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    'daemon off;',
    // As on a machine with two processors, whatever this one has.
    'worker_processes 2;',
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

function quoted(path: string): string {
  return `'${path.replaceAll("'", `'\\''`)}'`
}
