import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { bytes, certificate, NOW, schedule, staple } from './_records.ts'
import { openSqliteStore } from './sqlite.ts'

// A process for sqlite-kill.test.ts: told to, writes staples until it is killed, and prints the number of each that is acknowledged.
const [folder = '', first = '0'] = process.argv.slice(2)
await once(process.stdin, 'data')
const store = await openSqliteStore({ folder })
let next = Number(first)

async function write(): Promise<void> {
  while (true) {
    const number = next++
    const { id } = certificate(number)
    await store.putCertificates([certificate(number)], NOW)
    const received = bytes(number, 300 + (number % 5_000))
    await store.complete(id, schedule(), { staple: staple(number, { received }) })
    // At once and whole: what process.stdout has in memory dies with the process.
    writeSync(1, `${number}\n`)
  }
}

await Promise.all(Array.from({ length: 20 }, write))
