import { execFileSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './_setup.ts'

/** A disk that has faults when it is told to. */
export interface SmallDisk extends Disposable {
  /** Only while no file on it is open for writing. */
  makeReadOnly(): void
  makeWritable(): void
  /** Fills it to the last block. */
  fill(): void
  /** Removes what filled it. */
  free(): void
}

/** Mounts a disk of 4 MB on `folder`. */
export function smallDisk(folder: string): SmallDisk {
  const ballast = join(folder, 'ballast')
  mount('-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder)
  return {
    makeReadOnly: () => mount('-o', 'remount,ro', folder),
    makeWritable: () => mount('-o', 'remount,rw', folder),
    fill() {
      const file = openSync(ballast, 'w')
      try {
        while (true) writeSync(file, new Uint8Array(4_096))
      } catch {
        closeSync(file)
      }
    },
    free: () => rmSync(ballast),
    [Symbol.dispose]: () => void execFileSync('umount', ['--lazy', folder]),
  }
}

/** Mounting takes root, and a container that allows it. */
export function canMount(): boolean {
  using temporary = temporaryFolder()
  try {
    using _disk = smallDisk(temporary.folder)
    return true
  } catch {
    return false
  }
}

function mount(...args: string[]): void {
  execFileSync('mount', args, { stdio: 'ignore' })
}
