import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { type DurationMs, durationMs, SECOND_MS } from '../der/time.ts'
import { certificate, NOW } from './_records.ts'
import { temporaryFolder } from './_setup.ts'
import { canMount, smallDisk } from './_small-disk.ts'
import { openPatientStore } from './patient-store.ts'
import { openSqliteStore } from './sqlite.ts'

const CAN_MOUNT = canMount()
const NEWS = [{ path: '/x', problem: 'new' }]

let elapsed: DurationMs = durationMs(0)
let told: string[] = []
function open(folder: string) {
  told = []
  return openPatientStore({
    folder,
    size: 'small',
    clock: { monotonic: () => elapsed },
    events: {
      storeFailed: ({ error }) => told.push(error instanceof Error ? error.message : 'none'),
      storeWorks: () => told.push('works'),
    },
  })
}

/** Stores how it ends as a problem. */
function keep(folder: string, end: 'close' | 'kill'): void {
  spawnSync(process.execPath, [join(import.meta.dirname, '_access.ts'), folder, end])
}

describe('a patient store', () => {
  it('is like any other where it can be written', async () => {
    using temporary = temporaryFolder()
    await using store = await open(temporary.folder)
    await store.replaceProblems(NEWS)
    expect(await store.problems()).toEqual(NEWS)
    expect(told).toEqual([])
  })

  it('is not opened beside another everstaple', async () => {
    using temporary = temporaryFolder()
    await using _other = await openSqliteStore(temporary)
    await expect(open(temporary.folder)).rejects.toThrow(/is in use by another everstaple/)
  })
})

const faults = {
  'read-only': { begin: 'makeReadOnly', end: 'makeWritable', words: /\(EROFS.*; mount its file/ },
  full: { begin: 'fill', end: 'free', words: /disk.*; make/ },
} as const
const cases = (['read-only', 'full'] as const).flatMap((fault) =>
  (['close', 'kill'] as const).map((end) => [fault, end] as const),
)

describe.skipIf(!CAN_MOUNT)('a patient store on a disk that fails (needs mount)', () => {
  it.each(cases)(
    '%s: reads what there is after a %s, and writes when it can',
    async (name, end) => {
      const fault = faults[name]
      using temporary = temporaryFolder()
      using disk = smallDisk(temporary.folder)
      keep(temporary.folder, end)
      disk[fault.begin]()
      await using store = await open(temporary.folder)
      expect(await store.problems()).toEqual([{ path: '/x', problem: end }])
      const large = [{ path: '/x', problem: 'x'.repeat(100_000) }]
      for (const problems of [large, large]) {
        await expect(store.replaceProblems(problems)).rejects.toThrow(fault.words)
      }
      disk[fault.end]()
      elapsed = durationMs(elapsed + SECOND_MS)
      await Promise.all([store.replaceProblems(NEWS), store.withdrawStaple('x')])
      expect(await store.problems()).toEqual(NEWS)
      // After a kill, the log has room that it took before.
      const isOpened = name === 'full' && end === 'kill'
      expect(told).toEqual([...(isOpened ? [] : [expect.stringMatching(fault.words)]), 'works'])
    },
  )

  it('goes over to a disk that is mounted in place of the one that has failed', async () => {
    using temporary = temporaryFolder()
    using disk = smallDisk(temporary.folder)
    await using store = await open(temporary.folder)
    disk.fill()
    const many = Array.from({ length: 50 }, (_, number) => certificate(number))
    await expect(store.putCertificates(many, NOW)).rejects.toThrow(/disk is full/)
    using _other = smallDisk(temporary.folder)
    keep(temporary.folder, 'close')
    elapsed = durationMs(elapsed + SECOND_MS)
    await store.putCertificates(many, NOW)
    expect(await store.problems()).toEqual([{ path: '/x', problem: 'close' }])
    expect(await store.certificateIds()).toEqual(new Set(many.map(({ id }) => id)))
    expect(told).toEqual(['works'])
  })

  it('does not try to be written more often than once a second', async () => {
    using temporary = temporaryFolder()
    using disk = smallDisk(temporary.folder)
    keep(temporary.folder, 'close')
    disk.makeReadOnly()
    await using store = await open(temporary.folder)
    disk.makeWritable()
    await expect(store.replaceProblems(NEWS)).rejects.toThrow(/EROFS/)
    elapsed = durationMs(elapsed + SECOND_MS)
    await store.replaceProblems(NEWS)
  })

  it.each(['nothing', 'a database of an older release'])('is not opened over %s', async (what) => {
    using temporary = temporaryFolder()
    using disk = smallDisk(temporary.folder)
    if (what !== 'nothing') {
      keep(temporary.folder, 'close')
      using database = new DatabaseSync(temporary.database)
      database.exec('PRAGMA user_version = 1')
    }
    disk.makeReadOnly()
    await expect(open(temporary.folder)).rejects.toThrow(/cannot be written \(EROFS/)
  })
})
