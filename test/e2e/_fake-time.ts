import { existsSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { peerPath } from './_peer.ts'

/** Time as programs see it that are started with `env`: another one than on this machine, by libfaketime. */
export interface FakeTime {
  readonly env: Readonly<Record<string, string>>
  /** From at most a second from now on; `+3d`, or `+0 x20` for days that pass faster. Sleeps end earlier, too, as if the machine had been suspended. */
  set(time: string): Promise<void>
}

/** Makes a time of its own, kept in a file. */
export async function fakeTime(file: string, time = '+0'): Promise<FakeTime> {
  const set = async (next: string) => {
    // In one step: what is read of an empty file is no time.
    await writeFile(`${file}.next`, `${next}\n`)
    await rename(`${file}.next`, file)
  }
  await set(time)
  const env = {
    LD_PRELOAD: library(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_CACHE_DURATION: '1',
  }
  return { env, set }
}

/** Beside the command, which cannot be used itself: it would stand between us and the program's signals. */
function library(): string {
  peerPath('faketime')
  const folders = ['x86_64-linux-gnu', 'aarch64-linux-gnu', 'arm-linux-gnueabihf']
  const paths = folders.map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`)
  const found = paths.find((path) => existsSync(path))
  if (found === undefined) throw new Error(`none of ${paths.join(', ')} is there`)
  return found
}
