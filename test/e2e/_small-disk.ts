import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A file system of a few megabytes in memory, for faults of disks. */
export interface SmallDisk extends Disposable {
  readonly folder: string
  /** Fills it to the last block. */
  fill(): void
  /** Removes what filled it. */
  free(): void
}

/** Mounts one; `undefined` where this user may not. */
export function mountSmallDisk(folder: string): SmallDisk | undefined {
  mkdirSync(folder)
  const ballast = join(folder, 'ballast')
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return {
    folder,
    fill() {
      const file = openSync(ballast, 'w')
      try {
        while (true) writeSync(file, Buffer.alloc(4_096))
      } catch {
        // Full.
      } finally {
        closeSync(file)
      }
    },
    free: () => rmSync(ballast),
    [Symbol.dispose]: () => void execFileSync('umount', ['--lazy', folder]),
  }
}
