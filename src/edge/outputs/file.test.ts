import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS, type EpochMs, epochMs, HOUR_MS, plus } from '../../der/time.ts'
import { makeHierarchy } from '../../lab/hierarchy.ts'
import { buildResponse } from '../../lab/response-builder.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { type FileOutput, fileOutput } from './file.ts'
import type { OutputCertificate } from './file-plan.ts'

const start = epochMs(1_795_000_000_000)
const pki = makeHierarchy({ now: start, caKey: 'prime256v1' })

/** A certificate as the store has it. */
function certificate(name: string, file: string, notAfter: EpochMs): OutputCertificate {
  const leaf = pki.issueLeaf({ dnsNames: [name], notAfter })
  const { fingerprint: id } = leaf.certificate
  return { id, der: leaf.der, name, sources: [join(folder, file)], notAfter }
}

function stapleFrom(thisUpdate: EpochMs): Staple {
  const certID = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }
  const nextUpdate = plus(thisUpdate, DAY_MS)
  const der = buildResponse({ responses: [{ certID, thisUpdate, nextUpdate }], signer: pki.issuer })
  const times = { producedAt: thisUpdate, thisUpdate, nextUpdate, usableUntil: nextUpdate }
  return { der, received: der, status: 'good', ...times }
}

let folder: string
let now: EpochMs
let log: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'everstaple-'))
  now = start
  log = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function output(path: string): FileOutput {
  const short = (text: string) => text.replaceAll(`${folder}/`, '')
  return fileOutput({
    path,
    now: () => now,
    changed: () => log.push('changed'),
    events: {
      fileWritten: ({ path, certificate }) => log.push(`written ${short(path)} for ${certificate}`),
      fileRemoved: ({ path, reason }) => log.push(`removed ${short(path)}: ${reason}`),
      fileFailed: ({ error }) => log.push(`failed: ${short((error as Error).message)}`),
      stapleWithheld: ({ place, certificate, problem }) =>
        log.push(`withheld ${short(place)} for ${certificate}: ${problem}`),
      filePrepared: ({ path }) => log.push(`prepared ${short(path)}`),
      filesCollide: ({ path, written, left }) =>
        log.push(`collision ${short(path)}: ${written}, not ${left.join()}`),
    },
  })
}

const contentOf = (name: string) => readFile(join(folder, name))
const old = stapleFrom(plus(start, -HOUR_MS))
const newer = stapleFrom(start)
const month = plus(start, 30 * DAY_MS)

describe('a file output', () => {
  it('writes the staple beside the certificate, as HAProxy wants it', async () => {
    await output('{source}.ocsp').apply(certificate('a.example', 'a.pem', month), old)
    expect(await contentOf('a.pem.ocsp')).toEqual(Buffer.from(old.der))
    expect(log).toEqual(['written a.pem.ocsp for a.example', 'changed'])
  })

  it('replaces it by a newer one, and leaves the same one alone', async () => {
    const [files, a] = [output('{source}.ocsp'), certificate('a.example', 'a.pem', month)]
    await files.apply(a, old)
    const { ino } = await stat(join(folder, 'a.pem.ocsp'))
    await files.apply(a, old)
    expect((await stat(join(folder, 'a.pem.ocsp'))).ino).toBe(ino)
    await files.apply(a, newer)
    expect(await contentOf('a.pem.ocsp')).toEqual(Buffer.from(newer.der))
    expect(log.filter((line) => line === 'changed')).toHaveLength(2)
  })

  it('finds its file again after a restart, without a reload', async () => {
    const a = certificate('a.example', 'a.pem', month)
    await output('{source}.ocsp').apply(a, old)
    log = []
    await output('{source}.ocsp').apply(a, old)
    expect(log).toEqual([])
  })

  it('removes the file when the certificate is withdrawn, also after a restart', async () => {
    const a = certificate('a.example', 'a.pem', month)
    await output('{source}.ocsp').apply(a, old)
    await output('{source}.ocsp').withdraw(a)
    expect(await readdir(folder)).toEqual([])
    expect(log.at(-1)).toBe('changed')
  })

  it('says nothing about withdrawing what is not there', async () => {
    await output('{source}.ocsp').withdraw(certificate('a.example', 'a.pem', month))
    expect(log).toEqual([])
  })

  it('follows a certificate that moved', async () => {
    const [files, a] = [output('{source}.ocsp'), certificate('a.example', 'a.pem', month)]
    await files.apply(a, old)
    await files.apply({ ...a, sources: [join(folder, 'b.pem'), join(folder, 'c.pem')] }, old)
    expect((await readdir(folder)).sort()).toEqual(['b.pem.ocsp', 'c.pem.ocsp'])
  })

  it('removes temporary files of a former life', async () => {
    writeFileSync(join(folder, `.a.pem.ocsp.everstaple-${process.pid}-999999.tmp`), 'half')
    await output('{source}.ocsp').apply(certificate('a.example', 'a.pem', month), old)
    expect(await readdir(folder)).toEqual(['a.pem.ocsp'])
  })

  it('fills an empty file, which HAProxy needs at its start', async () => {
    writeFileSync(join(folder, 'a.pem.ocsp'), '')
    await output('{source}.ocsp').apply(certificate('a.example', 'a.pem', month), old)
    expect(await contentOf('a.pem.ocsp')).toEqual(Buffer.from(old.der))
  })

  it('never touches a certificate or a key by a mistake in the template', async () => {
    const files = output('{dir}/{name}.pem')
    const a = certificate('a.example', 'a.pem', month)
    for (const content of [Buffer.from(pki.leaf.pem), Buffer.from(pki.leaf.der)]) {
      writeFileSync(join(folder, 'a.pem'), content)
      await files.apply(a, old)
      await files.withdraw(a)
      expect(await contentOf('a.pem')).toEqual(content)
    }
    expect(log[0]).toBe(
      'failed: a.pem holds something else than an OCSP response; choose another path for the output, or move the file away',
    )
  })
})

describe('a sweep', () => {
  it('removes a staple at its usableUntil, not before', async () => {
    const files = output('{source}.ocsp')
    await files.apply(certificate('a.example', 'a.pem', month), old)
    now = plus(old.usableUntil, -1)
    await files.sweep()
    expect(await readdir(folder)).toEqual(['a.pem.ocsp'])
    now = old.usableUntil
    await files.sweep()
    expect(await readdir(folder)).toEqual([])
    expect(log.at(-2)).toMatch(/^removed a\.pem\.ocsp: the staple was usable until 2026-/)
  })

  it('mends a file that somebody removed or emptied', async () => {
    const files = output('{source}.ocsp')
    await files.apply(certificate('a.example', 'a.pem', month), old)
    rmSync(join(folder, 'a.pem.ocsp'))
    await files.sweep()
    writeFileSync(join(folder, 'a.pem.ocsp'), '')
    await files.sweep()
    expect(await contentOf('a.pem.ocsp')).toEqual(Buffer.from(old.der))
  })

  it('writes what could not be written before', async () => {
    const files = output(`${folder}/staples/{name}.ocsp`)
    await files.apply(certificate('a.example', 'a.pem', month), old)
    expect(log).toEqual([
      'failed: cannot write staples/a.ocsp: there is no folder staples; create it',
    ])
    mkdirSync(join(folder, 'staples'))
    await files.sweep()
    expect(await readdir(join(folder, 'staples'))).toEqual(['a.ocsp'])
  })

  it('tells each time of a folder in the place of the file', async () => {
    const files = output('{source}.ocsp')
    mkdirSync(join(folder, 'a.pem.ocsp'))
    await files.apply(certificate('a.example', 'a.pem', month), old)
    await files.sweep()
    const told =
      'failed: a.pem.ocsp is a folder, not a regular file; move it away or choose another path for the output'
    expect(log).toEqual([told, told])
  })
})

describe('two certificates with the same path', () => {
  const path = () => `${folder}/staple.ocsp`

  it('are told once, and the one that is valid longest gets it, in whichever order they come', async () => {
    const [short, long] = [
      certificate('short.example', 's.pem', month),
      certificate('long.example', 'l.pem', plus(month, DAY_MS)),
    ]
    for (const [first, second] of [
      [short, long],
      [long, short],
    ] as const) {
      const files = output(path())
      log = []
      await files.apply(first, first === long ? newer : old)
      await files.apply(second, second === long ? newer : old)
      await files.sweep()
      expect(await contentOf('staple.ocsp')).toEqual(Buffer.from(newer.der))
      expect(log.filter((line) => line.startsWith('collision'))).toEqual([
        'collision staple.ocsp: long.example, not short.example',
      ])
    }
  })

  it('follow each other when the one that has it goes', async () => {
    const files = output(path())
    const long = certificate('long.example', 'l.pem', plus(month, DAY_MS))
    await files.apply(certificate('short.example', 's.pem', month), old)
    await files.apply(long, newer)
    await files.withdraw(long)
    expect(await contentOf('staple.ocsp')).toEqual(Buffer.from(old.der))
  })

  it('leave it to the other one when the staple of the first is no longer usable', async () => {
    const files = output(path())
    await files.apply(certificate('long.example', 'l.pem', plus(month, DAY_MS)), old)
    await files.apply(certificate('short.example', 's.pem', month), newer)
    now = old.usableUntil
    await files.sweep()
    expect(await contentOf('staple.ocsp')).toEqual(Buffer.from(newer.der))
  })
})
