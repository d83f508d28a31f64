import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from './load.ts'

describe('loadConfig()', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-config-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('resolves paths of the file against its folder, paths of flags against the working folder', async () => {
    const path = join(folder, 'a.yaml')
    await writeFile(path, 'certificates: [live]\ndata: state\n')
    const result = await loadConfig({ path, flags: { data: 'elsewhere' } })
    expect(result).toMatchObject({
      kind: 'config',
      config: { certificates: [join(folder, 'live')], data: resolve('elsewhere') },
    })
  })
  it('needs no file', async () => {
    const result = await loadConfig({ path: undefined, flags: { certificates: ['/tls'] } })
    expect(result).toMatchObject({ kind: 'config', config: { certificates: ['/tls'] } })
  })
  it('says what to do about a file that is not there', async () => {
    const path = join(folder, 'missing.yaml')
    await expect(loadConfig({ path, flags: {} })).rejects.toMatchObject({
      code: 'CONFIG_FILE',
      message: `configuration file '${path}' cannot be read: there is no such file; give --config the path of a file that is there and readable`,
    })
  })
})
