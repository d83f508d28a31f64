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
  /** Only while no file on it is open for writing. */
  makeReadOnly(): void
  makeWritable(): void
}

/** Mounts one; `undefined` where this user may not. */
export function mountSmallDisk(folder: string): SmallDisk | undefined {
  mkdirSync(folder)
  const ballast = join(folder, 'ballast')
  const mount = (...args: string[]) => void execFileSync('mount', args, { stdio: 'ignore' })
  try {
    mount('-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder)
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
    makeReadOnly: () => mount('-o', 'remount,ro', folder),
    makeWritable: () => mount('-o', 'remount,rw', folder),
    [Symbol.dispose]: () => void execFileSync('umount', ['--lazy', folder]),
  }
}
