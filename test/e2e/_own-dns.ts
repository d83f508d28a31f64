import { execFileSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'

/** Names as the programs see them that are started by `by`: those of a hosts file, and a resolver that is down. */
export interface OwnDns {
  /** The command that starts them. */
  readonly by: readonly string[]
  /** Gives 127.0.0.1 these names, and no others. */
  names(...names: readonly string[]): Promise<void>
}

/** Makes files at paths that begin with `base`; `undefined` where this user may not mount them for a process alone. */
export async function ownDns(base: string): Promise<OwnDns | undefined> {
  const [hosts, resolver] = [`${base}.hosts`, `${base}.resolv.conf`]
  // In place: it is this file that is mounted.
  const names: OwnDns['names'] = (...all) => writeFile(hosts, `127.0.0.1 ${all.join(' ')}\n`)
  await names('localhost')
  // Nothing listens there, so the answer is an error, at once.
  await writeFile(resolver, 'nameserver 127.0.0.1\noptions attempts:1 timeout:1\n')
  const mount = `mount --bind '${hosts}' /etc/hosts && mount --bind '${resolver}' /etc/resolv.conf`
  const by = ['unshare', '--mount', 'sh', '-c', `${mount} && exec "$@"`, 'sh']
  try {
    execFileSync('unshare', [...by.slice(1), 'true'], { stdio: 'ignore' })
    return { by, names }
  } catch {
    return undefined
  }
}
