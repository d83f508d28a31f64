import {
  type ChildProcessByStdio,
  type SpawnOptionsWithStdioTuple,
  spawn,
} from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { bytes, certificate, staple } from './_records.ts'
import { temporaryFolder } from './_setup.ts'
import { openSqliteStore, openSqliteStoreForReading, type StoreForReading } from './sqlite.ts'

it('loses no acknowledged staple and corrupts nothing, however often the process is killed', async () => {
  using temporary = temporaryFolder()
  const acknowledged: number[] = []
  await startOnce(temporary.folder)
  let ready = startWriter(temporary.folder, 0)
  for (let kill = 1; kill <= KILLS; kill++) {
    const writer = ready
    // Starts up while the one before it writes.
    if (kill < KILLS) ready = startWriter(temporary.folder, kill * 1_000_000)
    const numbers = await writeUntilKilled(writer)
    acknowledged.push(...numbers)
    {
      using database = new DatabaseSync(temporary.database)
      expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    }
    await using reader = await openSqliteStoreForReading(temporary)
    await expectStaples(reader, numbers)
  }
  await using store = await openSqliteStore(temporary)
  await expectStaples(store, acknowledged)
  expect(acknowledged.length).toBeGreaterThan(KILLS)
}, 120_000)

type Writer = ChildProcessByStdio<Writable, Readable, null>

/** Lets a process end in peace: only then does it leave compiled code to those that follow, which start in half the time. */
async function startOnce(folder: string): Promise<void> {
  const child = spawn(process.execPath, [ACCESS, folder, 'close'], optionsIn(folder))
  expect(await once(child, 'close')).toEqual([0, null])
}

function startWriter(folder: string, first: number): Writer {
  return spawn(process.execPath, [WRITER, folder, String(first)], optionsIn(folder))
}

function optionsIn(folder: string): SpawnOptionsWithStdioTuple<'pipe', 'pipe', 'inherit'> {
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') }
  return { stdio: ['pipe', 'pipe', 'inherit'], env }
}

/** Lets a process write, kills it at some moment after its first staple, and gives the numbers that it printed whole. */
async function writeUntilKilled(child: Writer): Promise<number[]> {
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  const closed = once(child, 'close')
  child.stdin.write('go')
  await Promise.race([once(child.stdout, 'data'), closed])
  await wait(Math.random() * LONGEST_WAIT_MS)
  child.kill('SIGKILL')
  const [, signal] = await closed
  expect(signal).toBe('SIGKILL')
  return printed.split('\n').slice(0, -1).map(Number)
}

async function expectStaples(store: StoreForReading, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    const entry = await store.entry({ id: certificate(number).id })
    const received = bytes(number, 300 + (number % 5_000))
    expect(Buffer.compare(entry?.staple?.der ?? NOTHING, staple(number).der)).toBe(0)
    expect(Buffer.compare(entry?.staple?.received ?? NOTHING, received)).toBe(0)
  }
}

const KILLS = 20
const LONGEST_WAIT_MS = 30
const NOTHING = new Uint8Array()
const WRITER = join(import.meta.dirname, '_killed-writer.ts')
const ACCESS = join(import.meta.dirname, '_access.ts')
