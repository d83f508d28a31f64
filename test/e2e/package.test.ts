import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root, textOf } from '../_source-files.ts'

describe('the published package', () => {
  let folder: string
  let tarball: string
  const before = textOf('package.json')

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'everstaple-package-'))
    const args = [join(root, 'tools/pack.ts'), folder]
    tarball = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim()
    execFileSync('tar', ['-xzf', tarball, '-C', folder])
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const packed = (path: string) => readFileSync(join(folder, 'package', path), 'utf8')

  it('depends on what the repository depends on, without the runtime of its developers', () => {
    const manifest = JSON.parse(packed('package.json'))
    expect(manifest.dependencies).toEqual(JSON.parse(before).dependencies)
    expect(packed('package.json')).not.toContain('node-linux')
    expect(manifest).not.toHaveProperty('scripts')
  })
  it('has code and types for each entry, the command, the licence and the schema', () => {
    for (const entry of ['index', 'ocsp/index', 'tls/index']) {
      expect(packed(`dist/${entry}.js`)).toContain('export')
      expect(packed(`dist/${entry}.d.ts`)).toContain('export')
    }
    expect(packed('dist/cli/main.js')).toMatch(/^#!\/usr\/bin\/env node\n/)
    expect(packed('LICENSE')).toContain('Apache License')
    expect(packed('everstaple.schema.json')).toContain('certificates')
  })
  it('has no tests in it', () => {
    const listed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
    expect(listed.split('\n').filter((path) => /\.test\.|\/_/.test(path))).toEqual([])
  })
  it('is what publint expects of a package', async () => {
    const file = readFileSync(tarball)
    const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength)
    const { messages, pkg } = await publint({ pack: { tarball: bytes }, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg ?? {}))).toEqual([])
  })
  it('leaves the manifest of the repository as it is', () => {
    expect(textOf('package.json')).toBe(before)
  })
})
