import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, test } from 'vitest'
import { DAY_MS, iso, plus } from '../der/time.ts'
import { now, pki } from './_setup.ts'
import { readTlsFiles, TlsFilesError, tlsFilesVersion } from './tls-files.ts'

let folder: string
const at = (name: string) => join(folder, name)
const { leaf, issuer } = pki
const chain = leaf.pem + issuer.pem
const expired = pki.issueLeaf({ notAfter: plus(now, -DAY_MS) })
const early = pki.issueLeaf({ notBefore: plus(now, DAY_MS), notAfter: plus(now, 2 * DAY_MS) })
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'everstaple-tls-'))
  await mkdir(at('folder'))
  await writeFile(at('key'), leaf.keyPem)
  await writeFile(at('chain'), chain)
})
afterAll(() => rm(folder, { recursive: true }))

it('reads a chain and its key', async () => {
  const files = { certificate: at('chain'), key: at('key') }
  const { notAfter, fingerprint } = leaf.certificate
  expect(await readTlsFiles(files, now)).toMatchObject({ notAfter, fingerprint })
})

it('reads both from one file', async () => {
  await writeFile(at('both'), leaf.keyPem + chain)
  const read = await readTlsFiles({ certificate: at('both'), key: at('both') }, now)
  expect(read.fingerprint).toBe(leaf.certificate.fingerprint)
})

const other = pki.issueLeaf({ key: pki.keys('another key', 'prime256v1') })
const cases: readonly (readonly [string, { cert?: string; key?: string }, string])[] = [
  ['an expired certificate', { cert: expired.pem, key: expired.keyPem }, '{cert} expired at '],
  ['one of tomorrow', { cert: early.pem, key: early.keyPem }, iso(early.certificate.notBefore)],
  ['the key of another', { key: other.keyPem }, '{key} is not the key of the first certificate of'],
  ['its chain first', { cert: issuer.pem + leaf.pem }, '{key} is not the key of the first'],
  ['a key for a certificate', { cert: leaf.keyPem }, '{cert} holds no certificate; give the'],
  ['a certificate for a key', { key: leaf.pem }, '{cert} and {key} cannot be used ('],
  ['a file cut short', { cert: leaf.pem.slice(0, 200) }, '{cert}: line 1: no END line follows'],
  ['an empty key', { key: '' }, '{cert} and {key} cannot be used ('],
]
test.each(cases)('refuses %s', async (_name, { cert = chain, key = leaf.keyPem }, why) => {
  const files = { certificate: at('a-cert'), key: at('a-key') }
  await writeFile(files.certificate, cert)
  await writeFile(files.key, key)
  const reading = readTlsFiles(files, now)
  await expect(reading).rejects.toThrow(TlsFilesError)
  const expected = why.replace('{cert}', files.certificate).replace('{key}', files.key)
  await expect(reading).rejects.toThrow(expected)
})

test.each([
  ['certificate', 'none', 'does not exist; it is named by tls.certificate'],
  ['key', 'none', 'does not exist; it is named by tls.key'],
  ['key', 'folder', 'is a folder; it is named by tls.key'],
])('refuses where the %s is %s', async (which, name, why) => {
  const files = { certificate: at('chain'), key: at('key'), [which]: at(name) }
  await expect(readTlsFiles(files, now)).rejects.toThrow(`${at(name)} ${why}`)
})

test('tlsFilesVersion() changes with either file, and where one goes', async () => {
  const files = { certificate: at('v-cert'), key: at('v-key') }
  const seen = [await tlsFilesVersion(files)]
  for (const path of [files.certificate, files.key, files.certificate]) {
    await writeFile(path, `content ${seen.length}`.repeat(seen.length))
    seen.push(await tlsFilesVersion(files))
  }
  expect(await tlsFilesVersion(files)).toBe(seen.at(-1))
  await rm(files.key)
  seen.push(await tlsFilesVersion(files))
  expect(new Set(seen).size).toBe(seen.length)
})
