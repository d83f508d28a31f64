import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collected } from './_setup.ts'
import { REPORT_FILE, readReportFile, writeReportFile } from './report-file.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'expect-staple-'))
})
afterEach(() => rm(folder, { recursive: true }))

const foreign = collected({ certificate: undefined, name: undefined, detail: 'a\nb' })
const revoked = collected({
  example: {
    at: foreign.firstAt,
    responseStatus: 'PROVIDED',
    certStatus: 'REVOKED',
    stapleSha256: 'ab'.repeat(32),
  },
})

describe('the report file', () => {
  it('gives back what was written last', async () => {
    await writeReportFile(folder, [collected(), collected()])
    await writeReportFile(folder, [foreign, revoked])
    expect(await readReportFile(folder)).toEqual([foreign, revoked])
    expect(await readdir(folder)).toEqual([REPORT_FILE])
    expect((await stat(join(folder, REPORT_FILE))).mode & 0o777).toBe(0o600)
  })

  it('holds nothing where there is none', async () => {
    expect(await readReportFile(folder)).toEqual([])
  })

  it('gives the lines that make sense', async () => {
    await writeReportFile(folder, [revoked])
    await appendFile(join(folder, REPORT_FILE), '{"host":"www.example.org"}\n\n{"host":')
    expect(await readReportFile(folder)).toEqual([revoked])
  })

  it('says why it cannot be written', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    await expect(writeReportFile(file, [])).rejects.toThrow('ENOTDIR')
  })
})
