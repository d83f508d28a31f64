import { once } from 'node:events'
import { readFileSync, writeSync } from 'node:fs'
import { HOUR_MS, plus } from '../../src/der/time.ts'
import { fileOutput } from '../../src/edge/outputs/file.ts'
import type { Staple } from '../../src/ocsp/verdict.ts'
import { systemClock } from '../../src/time/clock.ts'

// A process for output-kill.test.ts: told to, brings an output for nginx from one staple to the next and to none, until it is killed.
const [path = '', folder = ''] = process.argv.slice(2)
const now = systemClock.now()
const read = (name: string) => readFileSync(`${folder}/${name}`)
const certificate = {
  ...{ id: 'a', name: 'a.test', sources: [] },
  ...{ der: read('certificate.der'), notAfter: plus(now, HOUR_MS) },
}
const staples = [read('first.der'), read('second.der')].map((der): Staple => {
  const end = plus(now, HOUR_MS)
  const times = { producedAt: now, thisUpdate: now, nextUpdate: end, usableUntil: end }
  return { der, received: der, status: 'good', ...times }
})
const ignore = () => {}
const output = fileOutput({
  ...{ path, server: 'nginx', now: () => systemClock.now(), changed: ignore },
  events: {
    // At once: what process.stdout has in memory dies with the process.
    fileWritten: () => void writeSync(1, '.'),
    fileRemoved: ignore,
    filePrepared: ignore,
    filesCollide: ignore,
    stapleWithheld: ignore,
    fileFailed: ({ error }) => void writeSync(2, `${String(error)}\n`),
  },
})
const [told] = await once(process.stdin, 'data')
process.stdin.destroy()
while (String(told) === 'go')
  for (const staple of [...staples, undefined]) await output.apply(certificate, staple)
