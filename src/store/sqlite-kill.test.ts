import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { bytes, certificate, staple } from './_records.ts'
import { temporaryFolder } from './_setup.ts'
import { openSqliteStore } from './sqlite.ts'

it('loses no acknowledged staple and corrupts nothing, however often the process is killed', async () => {
  using temporary = temporaryFolder()
  const acknowledged: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    acknowledged.push(...(await writeUntilKilled(temporary.folder, kill * 1_000_000)))
    {
      using database = new DatabaseSync(temporary.database)
      expect(database.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
    }
    await using store = await openSqliteStore(temporary)
    for (const number of acknowledged) {
      const entry = await store.entry({ id: certificate(number).id })
      expect(Buffer.from(entry?.staple?.der ?? [])).toEqual(Buffer.from(staple(number).der))
      expect(Buffer.from(entry?.staple?.received ?? [])).toEqual(
        Buffer.from(bytes(number, 300 + (number % 5_000))),
      )
    }
  }
  expect(acknowledged.length).toBeGreaterThan(KILLS)
}, 120_000)

/** Runs a process that writes, kills it at some moment after its first staple, and gives the numbers that it printed whole. */
async function writeUntilKilled(folder: string, first: number): Promise<number[]> {
  const child = spawn(process.execPath, [WRITER, folder, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  const closed = once(child, 'close')
  await Promise.race([once(child.stdout, 'data'), closed])
  await wait(Math.random() * 60)
  child.kill('SIGKILL')
  const [, signal] = await closed
  expect(signal).toBe('SIGKILL')
  return printed.split('\n').slice(0, -1).map(Number)
}

const KILLS = 20
const WRITER = fileURLToPath(new URL('./_killed-writer.ts', import.meta.url))
