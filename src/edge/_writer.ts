import { createHash, randomBytes, randomInt } from 'node:crypto'
import { writeDurably } from './durable-file.ts'

// Writes the file given as argument for ever, each time with another content that can be told to be whole. Says so after the first time.
const path = process.argv[2] ?? ''
for (let turn = 0; ; turn += 1) {
  const body = randomBytes(randomInt(1, 100_000))
  const digest = createHash('sha256').update(body).digest()
  await writeDurably(path, Buffer.concat([digest, body]), 0o644)
  if (turn === 0) process.stdout.write('written\n')
}
