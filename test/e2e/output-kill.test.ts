import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HOUR_MS, plus } from '../../src/der/time.ts'
import { removeLeftovers } from '../../src/edge/durable-file.ts'
import { TRY_LATER } from '../../src/edge/outputs/file-plan.ts'
import { makeHierarchy } from '../../src/lab/hierarchy.ts'
import { buildResponse } from '../../src/lab/response-builder.ts'
import { systemClock } from '../../src/time/clock.ts'

let folder: string
const at = (name: string) => join(folder, name)
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'everstaple-kill-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('no server ever reads a torn or missing file, though the process that writes it is killed 200 times', async () => {
  const wholes = prepare()
  const written: number[] = []
  const seen = new Set<string>()
  let reads = 0
  const stop = new AbortController()
  const path = at('staple.der')
  writeFileSync(path, TRY_LATER)
  const watch = async () => {
    while (!stop.signal.aborted) {
      const content = (await readFile(path)).toString('base64')
      expect(wholes).toContain(content)
      seen.add(content)
      reads += 1
      await wait(1)
    }
  }
  await startOnce(path)
  const watching = watch()
  // A watcher that ends early has seen what it must not.
  await Promise.race([killAll(path, written), watching])
  stop.abort()
  await watching
  expect(written).toHaveLength(KILLS)
  expect([...seen].sort()).toEqual([...wholes].sort())
  expect(reads).toBeGreaterThan(KILLS)
  await removeLeftovers(folder)
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([])
}, 60_000)

type Writer = ChildProcessByStdio<Writable, Readable, null>

/** Writes down what the writers need, and gives all contents that the file may have. */
function prepare(): readonly string[] {
  const now = systemClock.now()
  const pki = makeHierarchy({ now, caKey: 'prime256v1' })
  const certID = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }
  const single = { certID, thisUpdate: now, nextUpdate: plus(now, HOUR_MS) }
  const staples = [1, 2].map(() => buildResponse({ responses: [single], signer: pki.issuer }))
  writeFileSync(at('certificate.der'), pki.leaf.der)
  for (const [number, name] of ['first.der', 'second.der'].entries()) {
    writeFileSync(at(name), staples[number] ?? TRY_LATER)
  }
  return [...staples, TRY_LATER].map((bytes) => Buffer.from(bytes).toString('base64'))
}

/** Kills one writer after the other, each while it writes; the next ones start up meanwhile. */
async function killAll(path: string, written: number[]): Promise<void> {
  const ready = Array.from({ length: STARTING }, () => startWriter(path))
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const writer = ready.shift()
    if (writer === undefined) throw new Error('no writer was started')
    if (kill + STARTING <= KILLS) ready.push(startWriter(path))
    written.push(await writeUntilKilled(writer))
  }
}

/** Lets a process end in peace: only then does it leave compiled code to those that follow, which start in half the time. */
async function startOnce(path: string): Promise<void> {
  const writer = startWriter(path)
  writer.stdin.end('end')
  expect(await once(writer, 'close')).toEqual([0, null])
}

function startWriter(path: string): Writer {
  const env = { ...process.env, NODE_COMPILE_CACHE: at('compiled') }
  const args = ['--no-warnings', WRITER, path, folder]
  return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], env })
}

/** Lets a process write for some milliseconds, and gives how many files it wrote before it was killed. */
async function writeUntilKilled(writer: Writer): Promise<number> {
  let count = 0
  writer.stdout.on('data', (text: Buffer) => {
    count += text.length
  })
  const closed = once(writer, 'close')
  writer.stdin.write('go')
  await Promise.race([once(writer.stdout, 'data'), closed])
  await wait(Math.random() * LONGEST_WAIT_MS)
  writer.kill('SIGKILL')
  expect(await closed).toEqual([null, 'SIGKILL'])
  expect(count).toBeGreaterThan(0)
  return count
}

const KILLS = 200
const STARTING = 3
const LONGEST_WAIT_MS = 8
const WRITER = join(import.meta.dirname, '_killed-output.ts')
