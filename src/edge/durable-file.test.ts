import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { DurableFileError, removeDurably, removeLeftovers, writeDurably } from './durable-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'everstaple-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bytes = Buffer.from('staple')

describe('writeDurably()', () => {
  it('makes a file with the mode asked for, whatever the umask, and leaves nothing else', async () => {
    const path = join(folder, 'a.ocsp')
    await writeDurably(path, bytes, 0o666)
    expect(await readFile(path)).toEqual(bytes)
    expect((await stat(path)).mode & 0o777).toBe(0o666)
    expect(await readdir(folder)).toEqual(['a.ocsp'])
  })

  it('replaces a file by a new one with a new mtime', async () => {
    const path = join(folder, 'a.ocsp')
    writeFileSync(path, 'staple')
    utimesSync(path, 1, 1)
    const before = await stat(path)
    await writeDurably(path, bytes, 0o644)
    const after = await stat(path)
    expect(after.ino).not.toBe(before.ino)
    expect(after.mtimeMs).toBeGreaterThan(before.mtimeMs)
  })

  it('writes many files of one folder at once', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `${i}.ocsp`)
    await Promise.all(names.map((name) => writeDurably(join(folder, name), bytes, 0o644)))
    expect((await readdir(folder)).sort()).toEqual(names.sort())
  })

  test.each<[string, (path: string) => void, string, string]>([
    ['no folder', () => {}, 'none/a', 'create it'],
    ['a file in place of the folder', (p) => writeFileSync(join(p, 'f'), ''), 'f/a', 'create it'],
    ['a folder in its place', (p) => mkdirSync(join(p, 'a')), 'a', 'is a folder'],
    ['a link in its place', (p) => symlinkSync('b', join(p, 'a')), 'a', 'is a symbolic link'],
  ])('refuses where there is %s, and says what to do', async (_name, prepare, name, message) => {
    prepare(folder)
    const written = writeDurably(join(folder, name), bytes, 0o644)
    await expect(written).rejects.toThrow(DurableFileError)
    await expect(written).rejects.toThrow(message)
    expect((await readdir(folder)).filter((found) => found.endsWith('.tmp'))).toEqual([])
  })

  it('says so where the file system takes no files', async () => {
    await expect(writeDurably('/proc/a.ocsp', bytes, 0o644)).rejects.toThrow(
      /cannot write \/proc\/a\.ocsp: /,
    )
  })
})

describe('removeDurably()', () => {
  it('removes a file, and says whether there was one', async () => {
    const path = join(folder, 'a.ocsp')
    writeFileSync(path, 'x')
    expect(await removeDurably(path)).toBe('removed')
    expect(await removeDurably(path)).toBe('absent')
    expect(await readdir(folder)).toEqual([])
  })

  it('refuses to remove a folder', async () => {
    await expect(removeDurably(folder)).rejects.toMatchObject({ reason: 'not-a-regular-file' })
  })
})

describe('removeLeftovers()', () => {
  it('removes those of dead writers and of a former life with our own number only', async () => {
    const dead = spawn('/bin/true')
    await once(dead, 'exit')
    const kept = ['.a.everstaple-1-5.tmp', '.a.tmp', 'a.ocsp', `a.everstaple-${process.pid}-1.tmp`]
    const left = [`.a.everstaple-${dead.pid}-5.tmp`, `.a.b.everstaple-${process.pid}-999999.tmp`]
    for (const name of [...kept, ...left]) writeFileSync(join(folder, name), '')
    await removeLeftovers(folder)
    expect((await readdir(folder)).sort()).toEqual(kept.sort())
  })

  it('does nothing where there is no folder', async () => {
    await expect(removeLeftovers(join(folder, 'none'))).resolves.toBeUndefined()
  })
})
