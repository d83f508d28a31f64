import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** The configurations of nginx, Apache httpd and HAProxy as Debian installs them, in a folder of their own instead of `/`. */
export interface DebianMachine {
  readonly root: string
  /** The path there of a path as Debian has it. */
  at(path: string): string
  /** Writes a file, making folders on the way; `->` in front of the content makes a symbolic link. */
  write(path: string, content: string): Promise<void>
}

/**
 * Copies what Debian's packages have put into `/etc`, without the sites of this machine, and has every path in it begin at `root`, so that
 * the servers run from there beside those of the machine.
 */
export async function debianMachine(root: string): Promise<DebianMachine> {
  const at = (path: string) => (path.startsWith(root) ? path : join(root, path))
  const write = async (path: string, content: string) => {
    await mkdir(dirname(at(path)), { recursive: true })
    if (content.startsWith('->')) await symlink(content.slice(2), at(path))
    else await writeFile(at(path), content)
  }
  for (const server of ['nginx', 'apache2', 'haproxy']) {
    await cp(join('/etc', server), at(join('/etc', server)), {
      recursive: true,
      verbatimSymlinks: true,
    })
  }
  for (const sites of ['nginx/sites-enabled', 'nginx/conf.d', 'apache2/sites-enabled']) {
    await rm(at(join('/etc', sites)), { recursive: true })
    await mkdir(at(join('/etc', sites)))
  }
  for (const folder of ['/run/haproxy', '/run/lock', '/var/run/apache2', '/var/lock/apache2']) {
    await mkdir(at(folder), { recursive: true })
  }
  for (const log of ['nginx', 'apache2']) await mkdir(at(`/var/log/${log}`), { recursive: true })
  for (const entry of await readdir(at('/etc'), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && MOVED.test(path))
      await writeFile(path, moved(await readFile(path, 'utf8'), root))
  }
  return { root, at, write }
}

function moved(text: string, root: string): string {
  const own = text.replace(PATH, (path) => root + path)
  // Who is not root cannot become somebody else, and need not.
  return process.getuid?.() === 0 ? own : own.replace(/^\s*(chroot|user|group) .*$/gm, '')
}

const MOVED = /\.(conf|cfg|load)$|\/envvars$/
const PATH = /(?<![\w./])\/(?:etc\/(?:nginx|apache2|haproxy)|var\/(?:run|log|lock)|run)(?=\/)/g
