import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder } from './_folder.ts'
import { FolderEvents } from './folder-events.ts'

it('has a folder looked at once more that it begins to watch, and then after changes alone', async () => {
  await using folder = await temporaryFolder()
  using events = new FolderEvents()
  events.follow(new Set([folder.path]))
  await events.next()
  events.clear()
  events.follow(new Set([folder.path]))
  let isTold = false
  const told = events.next().then(() => {
    isTold = true
  })
  await Promise.resolve()
  expect(isTold).toBe(false)
  await writeFile(join(folder.path, 'a.pem'), '')
  await told
})
