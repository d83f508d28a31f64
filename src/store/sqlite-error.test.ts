import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { durationMs } from '../der/time.ts'
import { bytes, certificate, claimAll, NOW, schedule, staple } from './_records.ts'
import { temporaryFolder } from './_setup.ts'
import { canMount, smallDisk } from './_small-disk.ts'
import { openSqliteStore, openSqliteStoreForReading } from './sqlite.ts'
import { SqliteWriteQueue } from './sqlite-write-queue.ts'

const CAN_MOUNT = canMount()

describe('a store that cannot be opened', () => {
  it('says so of a file that is not a database', async () => {
    using temporary = temporaryFolder()
    writeFileSync(temporary.database, 'x'.repeat(5_000))
    const expected = failure(
      `${temporary.database} is not an SQLite database (file is not a database); restore a backup, or move everstaple.db`,
    )
    await expect(openSqliteStore(temporary)).rejects.toMatchObject(expected)
    await expect(openSqliteStoreForReading(temporary)).rejects.toMatchObject(expected)
  })

  it('says so of a folder that is a file', async () => {
    using temporary = temporaryFolder()
    const folder = join(temporary.folder, 'file')
    writeFileSync(folder, '')
    await expect(openSqliteStore({ folder })).rejects.toMatchObject(
      failure('cannot be opened (EEXIST'),
    )
  })

  it('says that another everstaple has it, and opens when that one has closed it', async () => {
    using temporary = temporaryFolder()
    const other = await openSqliteStore(temporary)
    await expect(openSqliteStore(temporary)).rejects.toMatchObject(
      failure(`${temporary.database} is in use by another everstaple; stop that one`),
    )
    await other.putCertificates([certificate(1)], NOW)
    await other[Symbol.asyncDispose]()
    await using store = await openSqliteStore(temporary)
    expect((await store.certificateIds()).size).toBe(1)
  })

  it.skipIf(!CAN_MOUNT)('says so of a folder that is read-only (needs mount)', async () => {
    using temporary = temporaryFolder()
    using disk = smallDisk(temporary.folder)
    disk.makeReadOnly()
    await expect(openSqliteStore(temporary)).rejects.toMatchObject(
      failure(`${temporary.database} cannot be written (EROFS`),
    )
  })
})

describe('a store whose thread dies', () => {
  it('cannot be opened when that happens before it is open', async () => {
    using temporary = temporaryFolder()
    const opened = expect(openSqliteStore(temporary)).rejects.toMatchObject(ENDED)
    await (await nextWorker()).terminate()
    await opened
  })
})

describe('a store that fails while it is in use', () => {
  it('rejects every write of the batch while another process holds the lock, and works afterwards', async () => {
    using temporary = temporaryFolder()
    const { database: path, folder } = temporary
    const settings = { busyTimeout: durationMs(200), cacheKib: 100, where: 'thread' } as const
    const data = { path, lock: join(folder, 'lock'), ...settings }
    await using queue = await SqliteWriteQueue.start(data)
    using other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const put = { kind: 'put', records: [certificate(1)], now: NOW } as const
    const writes = [queue.submit(put), queue.submit({ kind: 'withdraw', id: 'x' })]
    for (const result of await Promise.allSettled(writes)) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: failure('is locked by another process (database is locked); a second everstaple'),
      })
    }
    other.exec('ROLLBACK')
    await queue.submit(put)
    expect(other.prepare('SELECT count(*) AS n FROM certificate').get()).toEqual({ n: 1 })
  })

  it('says so to every write from the moment that its thread has died, and can be closed', async () => {
    using temporary = temporaryFolder()
    const [worker, store] = await Promise.all([nextWorker(), openSqliteStore(temporary)])
    const underWay = store.withdrawStaple('x')
    const rejected = expect(underWay).rejects.toMatchObject(ENDED)
    await worker.terminate()
    await rejected
    const writes = [
      store.putCertificates([certificate(1)], NOW),
      store.complete('x', schedule()),
      store.claimDue(claimAll()),
      store.dueResponders(NOW),
    ]
    for (const write of writes) await expect(write).rejects.toMatchObject(ENDED)
    expect((await store.certificateIds()).size).toBe(0)
    await store[Symbol.asyncDispose]()
  })

  it('says that the file is corrupted', async () => {
    using temporary = temporaryFolder()
    {
      await using store = await openSqliteStore(temporary)
      const records = Array.from({ length: 200 }, (_, number) => certificate(number))
      await store.putCertificates(records, NOW)
    }
    overwrite(temporary.database, 24 * 4_096)
    await using store = await openSqliteStore(temporary)
    await expect(store.removeCertificates(idsOf(200))).rejects.toMatchObject(
      failure('is corrupted (database disk image is malformed); restore a backup, or move'),
    )
  })

  it.skipIf(!CAN_MOUNT)(
    'rejects what a full disk does not take, loses nothing, and works when there is space again (needs mount)',
    async () => {
      using temporary = temporaryFolder()
      using disk = smallDisk(temporary.folder)
      await using store = await openSqliteStore(temporary)
      await store.putCertificates([certificate(1)], NOW)
      await store.complete(certificate(1).id, schedule(), { staple: staple(1) })
      disk.fill()
      const large = { staple: staple(2, { received: bytes(2, 1_000_000) }) }
      const writes = [
        store.complete(certificate(1).id, schedule(), large),
        store.withdrawStaple('x'),
      ]
      for (const result of await Promise.allSettled(writes)) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: failure(
            'has no space to grow: the disk is full (database or disk is full); make space',
          ),
        })
      }
      const read = async () => (await store.entry({ id: certificate(1).id }))?.staple
      expect((await read())?.der).toEqual(staple(1).der)
      disk.free()
      await store.complete(certificate(1).id, schedule(), large)
      expect((await read())?.received).toEqual(large.staple.received)
    },
  )
})

const ENDED = failure('has ended; start everstaple again')

/** The thread that is started next. */
async function nextWorker(): Promise<Worker> {
  const [worker] = await once(process, 'worker')
  return worker
}

function failure(message: string): object {
  return { name: 'StoreError', code: 'STORE', message: expect.stringContaining(message) }
}

function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, number) => certificate(number).id)
}

/** Nonsense over all but the head and the schema. */
function overwrite(path: string, from: number): void {
  const { length } = readFileSync(path)
  const file = openSync(path, 'r+')
  for (let at = from; at < length; at += 4_096) writeSync(file, 'nonsense'.repeat(512), at)
  closeSync(file)
}
