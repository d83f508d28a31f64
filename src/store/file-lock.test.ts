import { join } from 'node:path'
import { expect, it } from 'vitest'
import { durationMs } from '../der/time.ts'
import { temporaryFolder } from './_setup.ts'
import { FileLockError, lockFile } from './file-lock.ts'

it('lockFile() has one holder at a time', () => {
  using temporary = temporaryFolder()
  const path = join(temporary.folder, 'lock')
  const lock = () => lockFile(path, durationMs(10))
  {
    using _held = lock()
    expect(lock).toThrow(FileLockError)
    expect(lock).toThrow(`${path} is locked by another process`)
  }
  using _again = lock()
})

it('lockFile() says what SQLite does where there can be no file', () => {
  using temporary = temporaryFolder()
  const path = join(temporary.folder, 'nowhere/lock')
  expect(() => lockFile(path, durationMs(10))).toThrow(/open database file/)
})
