// Writes staples through the store for as long as it lives, many at once, and prints the number of each that the store has acknowledged.
// Run as `node _kill-writer.ts FOLDER FIRST-NUMBER`; ends by being killed.
import { writeSync } from 'node:fs'
import { bytes, certificate, NOW, schedule, staple } from './contract-records.ts'
import { openSqliteStore } from './sqlite.ts'

const [folder = '', first = ''] = process.argv.slice(2)
const LANES = 8
const store = await openSqliteStore({ folder })
writeSync(1, 'open\n')
await Promise.all(Array.from({ length: LANES }, (_, lane) => write(lane)))

async function write(lane: number): Promise<void> {
  for (let n = lane; ; n += LANES) {
    const number = Number(first) + n
    const record = certificate(number)
    await store.putCertificates([record], NOW)
    await store.complete(record.id, schedule(), staple(number, { received: bytes(number, 9_000) }))
    // At once, past every buffer: what was printed was acknowledged before the kill.
    writeSync(1, `${number}\n`)
  }
}
