import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OpensslLeaf } from './_openssl-ca.ts'
import { peerPath } from './_peer.ts'
import { onFreePorts } from './_ports.ts'
import { type RunningProgram, startProgram } from './_program.ts'

/** One `server` block, which gets a port of its own. */
export interface NginxServer {
  readonly leaf: Pick<OpensslLeaf, 'chain' | 'key'>
  /** More lines of the block: `ssl_stapling on;` and the like. */
  readonly directives: readonly string[]
}

/** An nginx that shares nothing with one of the machine: it has its own prefix, configuration, log and ports. */
export interface Nginx extends AsyncDisposable {
  /** One per server, in their order. */
  readonly ports: readonly number[]
  /** Reads configuration and staple files again; resolves once only new workers serve. */
  reload(): Promise<void>
  /** Resolves when the worker of before has ended; for reloads that something else asked for. `log` is {@link log} of before. */
  reloaded(log: string): Promise<void>
  /** The error log so far. */
  log(): string
}

/** Starts nginx in a folder of its own, `nginx` in `parent`. Every page says `ok`. */
export async function startNginx(parent: string, servers: readonly NginxServer[]): Promise<Nginx> {
  const prefix = prefixIn(parent)
  await mkdir(prefix)
  const args = argumentsFor(prefix)
  const { program, ports } = await launch(prefix, args, servers)
  const reloaded = async (log: string) => {
    await program.wrote(/worker process \d+ exited with code 0/, log.length)
  }
  return {
    ports,
    reloaded,
    async reload() {
      const log = program.output()
      process.kill(program.pid, 'SIGHUP')
      await reloaded(log)
    },
    log: () => program.output(),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}

/** What an operator has everstaple run, for `/bin/sh`: a reload of the nginx in `parent`, once it runs. */
export function nginxReloadCommand(parent: string): string {
  const prefix = prefixIn(parent)
  const nginx = [peerPath('nginx'), ...argumentsFor(prefix)].join(' ')
  return `test ! -s ${prefix}/nginx.pid || (${nginx} -t -q && ${nginx} -s reload)`
}

function prefixIn(parent: string): string {
  return join(parent, 'nginx')
}

function argumentsFor(prefix: string): readonly string[] {
  return ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', 'stderr']
}

function launch(
  prefix: string,
  args: readonly string[],
  servers: readonly NginxServer[],
): Promise<{ readonly program: RunningProgram; readonly ports: readonly number[] }> {
  return onFreePorts(servers.length, async (ports) => {
    await writeFile(join(prefix, 'nginx.conf'), configText(prefix, servers, ports))
    const ready = /start worker process \d+/
    return { program: await startProgram({ path: peerPath('nginx'), args, ready }), ports }
  })
}

function configText(
  prefix: string,
  servers: readonly NginxServer[],
  ports: readonly number[],
): string {
  const blocks = servers.map(({ leaf, directives }, i) => [
    'server {',
    `listen 127.0.0.1:${ports[i]} ssl;`,
    `ssl_certificate ${leaf.chain};`,
    `ssl_certificate_key ${leaf.key};`,
    ...directives,
    'return 200 ok;',
    '}',
  ])
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    'daemon off;',
    'worker_processes 1;',
    'error_log stderr notice;',
    `pid ${join(prefix, 'nginx.pid')};`,
    'events {}',
    'http {',
    'access_log off;',
    ...temporary.map((name) => `${name}_temp_path ${join(prefix, name)};`),
    ...blocks.flat(),
    '}\n',
  ].join('\n')
}
