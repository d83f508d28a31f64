import { spawn } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { removeLeftovers } from './durable-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'everstaple-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('a reader never sees a torn or missing file while writers are killed 50 times', async () => {
  const path = join(folder, 'a.ocsp')
  const script = join(import.meta.dirname, '_writer.ts')
  let reads = 0
  const readWhole = async () => {
    const content = await readFile(path)
    const digest = createHash('sha256').update(content.subarray(32)).digest()
    expect(content.subarray(0, 32)).toEqual(digest)
    reads += 1
  }
  const killOne = async () => {
    const writer = spawn(process.execPath, ['--no-warnings', script, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(writer.stdout, 'data')
    for (let left = randomInt(0, 20); left > 0; left -= 1) await readWhole()
    writer.kill('SIGKILL')
    await once(writer, 'exit')
    await readWhole()
  }
  // Two at a time: they also replace each other's file.
  await Promise.all(
    [1, 2].map(async () => {
      for (let kills = 0; kills < 25; kills += 1) await killOne()
    }),
  )
  expect(reads).toBeGreaterThanOrEqual(50)
  await removeLeftovers(folder)
  expect(await readdir(folder)).toEqual(['a.ocsp'])
}, 60_000)
