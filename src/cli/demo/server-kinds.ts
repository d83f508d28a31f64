import { join } from 'node:path'
import { prepareHaproxy, startHaproxy } from '../../lab/haproxy.ts'
import { type NginxSite, startNginx } from '../../lab/nginx.ts'
import { findProgram, freePort, type ServerProcess } from '../../lab/server-process.ts'
import { startNodeServer } from './node-server.ts'
import type { Stage } from './stage.ts'
import type { Feed } from './tally.ts'

/** A kind of server that the demo shows. */
export interface ServerKind {
  readonly name: string
  readonly feed: Feed
  /** How it gets its staples, for people. */
  readonly how: string
  /** Starts it where it was before, or anywhere. Throws what it complains of. */
  start(port: number | undefined): Promise<ServerProcess>
}

/** HAProxy, which may start before there are staples: empty files are in their place, which are made here. */
export function haproxyKind({ folder: parent, stapled }: Stage): ServerKind {
  const folder = haproxyFolder(parent)
  prepareHaproxy(folder, stapled)
  return {
    ...{ name: 'HAProxy', feed: 'everstaple' },
    how: 'told by its runtime socket, without a reload; has files for its next start',
    async start(port) {
      const program = installed('haproxy', 'haproxy')
      return startHaproxy({ program, folder, port: port ?? (await freePort()) })
    },
  }
}

/** nginx, which does not start before the files are there. */
export function nginxKind({ folder, stapled }: Stage): ServerKind {
  return {
    ...{ name: 'nginx', feed: 'everstaple' },
    how: 'reads staples from files; everstaple writes them, then reloads it',
    start: nginxStart(nginxPrefix(folder), stapled),
  }
}

/** The same nginx, left to itself. */
export function lazyNginxKind({ folder, stapled }: Stage): ServerKind {
  const sites = stapled.map((certificate) => ({ ...certificate, stapleFile: undefined }))
  return {
    ...{ name: 'nginx by itself', feed: 'itself' },
    how: 'without everstaple: `ssl_stapling on`, so it asks the same CA by itself',
    start: nginxStart(join(folder, 'nginx-by-itself'), sites),
  }
}

/** An https server in this process. */
export function nodeKind({ stapled }: Stage, serviceUrl: string): ServerKind {
  return {
    ...{ name: 'Node.js', feed: 'everstaple' },
    how: 'asks everstaple over HTTP, by the library everstaple/tls',
    start: (port = 0) => startNodeServer({ serviceUrl, certificates: stapled, port }),
  }
}

/** Where nginx has its files. */
export function nginxPrefix(folder: string): string {
  return join(folder, 'nginx')
}

/** Where HAProxy has its files. */
export function haproxyFolder(folder: string): string {
  return join(folder, 'haproxy')
}

function nginxStart(prefix: string, sites: readonly NginxSite[]): ServerKind['start'] {
  return async (port) => {
    const program = installed('nginx', 'nginx-light')
    return startNginx({ program, prefix, port: port ?? (await freePort()), sites })
  }
}

function installed(name: string, debianPackage: string): string {
  const program = findProgram(name)
  if (program === undefined)
    throw new Error(`not installed here (apt-get install ${debianPackage})`)
  return program
}
