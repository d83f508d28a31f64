import type { EpochMs } from '../../der/time.ts'
import { readApache } from './apache.ts'
import type { ServerConfiguration } from './configuration.ts'
import { examinePaths } from './examine.ts'
import { readHaproxy } from './haproxy.ts'
import { readNginx } from './nginx.ts'
import { propose } from './proposal.ts'
import type { Proposal } from './proposed.ts'
import { Tree } from './tree.ts'

/** What was found on a machine, and what is proposed for it. */
export interface Discovery {
  readonly configurations: readonly ServerConfiguration[]
  readonly proposal: Proposal
}

/** Where to look, and for what. */
export interface DiscoverOptions {
  /** The folder that is the root of the machine: `/`, or that of a container. */
  readonly root: string
  /** `HOST:PORT` where everstaple will listen, as the servers reach it. */
  readonly listen: string
  readonly now: EpochMs
}

/** Reads the configurations of nginx, Apache httpd and HAProxy, looks at their certificates, and proposes how each gets its staples. Never rejects. */
export async function discover({ root, listen, now }: DiscoverOptions): Promise<Discovery> {
  const tree = new Tree(root)
  const configurations: ServerConfiguration[] = []
  for (const read of [readNginx, readApache, readHaproxy]) {
    const found = await read(tree)
    if (found !== undefined) configurations.push(found)
  }
  const examined = await examinePaths(configurations, tree, now)
  const here = (path: string) => tree.here(path)
  const endpoint = `http://${listen}/ocsp/`
  return { configurations, proposal: propose(configurations, { examined, endpoint, here }) }
}
