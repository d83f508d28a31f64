import { execFileSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'

/** A file system on a disk of its own, with faults as the kernel has them. */
export interface FailingDisk extends Disposable {
  /** What the kernel does when the disk fails: the file system is read-only from now on, also for who has files open for writing. */
  fail(): void
  /** Puts it in place anew, as an operator does after a repair. */
  repair(): void
}

/** Mounts one of 16 MB on `folder`, which it makes; `undefined` where this user may not. */
export function mountFailingDisk(folder: string): FailingDisk | undefined {
  let image = `${folder}.img`
  mkdirSync(folder, { recursive: true })
  writeFileSync(image, '')
  truncateSync(image, 16 << 20)
  const mount = () => run('mount', '-o', 'loop,errors=remount-ro', image, folder)
  // Lazily: who has files open there goes on with them.
  const unmount = () => run('umount', '--lazy', folder)
  try {
    run('mkfs.ext4', '-q', '-O', '^has_journal', image)
    mount()
  } catch {
    return undefined
  }
  return {
    fail() {
      // What is written so far is on the disk, as it is seconds after each write.
      run('sync', '--file-system', folder)
      const device = basename(run('findmnt', '--noheadings', '--output', 'SOURCE', folder).trim())
      writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, 'a test')
    },
    repair() {
      // The failed one is in use for as long as somebody has files open there.
      const repaired = `${image}.repaired`
      run('cp', image, repaired)
      unmount()
      repairImage(repaired)
      image = repaired
      mount()
    },
    [Symbol.dispose]: unmount,
  }
}

function repairImage(image: string): void {
  try {
    run('e2fsck', '-f', '-y', image)
  } catch (error) {
    // 1: errors were found, and corrected.
    if (!(error instanceof Error) || !('status' in error) || error.status !== 1) throw error
  }
}

function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}
