import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, test } from 'vitest'
import { epochMs } from '../der/time.ts'
import { createToken } from '../serve/tokens.ts'
import { UsageError } from './terminal.ts'
import { readTokenFile } from './token-file.ts'

let path: string
beforeAll(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'everstaple-token-')), 'token')
})
afterAll(() => rm(join(path, '..'), { recursive: true }))

it('reads what `everstaple token create` prints', async () => {
  const { token } = createToken('a', 'read', epochMs(0))
  await writeFile(path, `${token}\n`)
  expect(await readTokenFile('tokenFile', path)).toBe(token)
})

test.each(['', '\n', 'evs_a\nevs_b\n', 'Bearer evs_a', 'evs_\u00e9', 'evs_a\u0000'])(
  'refuses %j without repeating it',
  async (text) => {
    await writeFile(path, text)
    const reading = readTokenFile('tokenFile', path)
    await expect(reading).rejects.toThrow(UsageError)
    await expect(reading).rejects.toThrow(`tokenFile: '${path}' holds no token`)
  },
)

it('names the key whose file is not there, and no standard input', async () => {
  await expect(readTokenFile('tokenFile', '-')).rejects.toMatchObject({
    message: "tokenFile: '-' does not exist",
    hint: 'have tokenFile name a file that this user may read',
  })
})
