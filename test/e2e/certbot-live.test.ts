import {
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DAY_MS, durationMs } from '../../src/der/time.ts'
import type { LabCertificate } from '../../src/lab/ca.ts'
import { type Hierarchy, makeHierarchy } from '../../src/lab/hierarchy.ts'
import { type Responder, startResponder } from '../../src/lab/responder.ts'
import { systemClock } from '../../src/time/clock.ts'
import { root } from '../_source-files.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { describeWith, peerPath } from './_peer.ts'
import { runProgram } from './_program.ts'

/** The four files of a lineage, in the order in which certbot writes and links them. */
const allFour = ['cert', 'privkey', 'chain', 'fullchain'] as const

describeWith(['openssl'], 'everstaple run, beside certbot', () => {
  let folder: string
  let pki: Hierarchy
  let responder: Responder
  let everstaple: Everstaple
  const at = (...parts: string[]) => join(folder, 'letsencrypt', ...parts)
  /** Of `mail.test` one file is given by its name; for the others the whole of `live/`. */
  const home = (lineage: string) => at(lineage === 'mail.test' ? 'given' : '.')
  const issue = (name: string) =>
    pki.issueLeaf({ dnsNames: [name], ocspUrls: [responder.url], subject: name })

  /** What certbot puts into `archive/`, once for each renewal. */
  const archive = async (lineage: string, version: number, leaf: LabCertificate) => {
    const contents = {
      cert: leaf.pem,
      // A key with a certificate after it: whoever opened the file would find that certificate.
      privkey: leaf.keyPem + issue(`unseen.${lineage}`).pem,
      chain: pki.issuer.pem,
      fullchain: leaf.pem + pki.issuer.pem,
    }
    const folder = join(home(lineage), 'archive', lineage)
    await mkdir(folder, { recursive: true })
    for (const kind of allFour) {
      await writeFile(join(folder, `${kind}${version}.pem`), contents[kind])
    }
  }
  /** A first certificate: `live/NAME/fullchain.pem -> ../../archive/NAME/fullchain1.pem`. */
  const obtain = async (lineage: string) => {
    const leaf = issue(lineage)
    await archive(lineage, 1, leaf)
    const live = join(home(lineage), 'live', lineage)
    await mkdir(live, { recursive: true })
    for (const kind of allFour) {
      await symlink(`../../archive/${lineage}/${kind}1.pem`, join(live, `${kind}.pem`))
    }
    return leaf
  }
  /** What `update_all_links_to` of certbot's storage.py does, step by step. */
  const renew = async (lineage: string, version: number) => {
    const leaf = issue(lineage)
    await archive(lineage, version, leaf)
    const link = (kind: string) => join(home(lineage), 'live', lineage, `${kind}.pem`)
    const previous = (kind: string) => link(`previous_${kind}`)
    for (const kind of allFour) {
      await symlink(join(dirname(link(kind)), await readlink(link(kind))), previous(kind))
    }
    for (const kind of allFour) {
      await unlink(link(kind))
      await symlink(`../../archive/${lineage}/${kind}${version}.pem`, link(kind))
    }
    for (const kind of allFour) await unlink(previous(kind))
    return leaf
  }
  /** The names in the store, each with its sources below `letsencrypt`. */
  const managed = async () => {
    const main = join(root, 'dist/cli/main.js')
    const args = [main, 'status', '--json', '--data', join(folder, 'data')]
    const { stdout } = await runProgram(process.execPath, args)
    const report: { certificates: { name: string; sources: string[] }[] } = JSON.parse(stdout)
    return report.certificates.map(({ name, sources }) =>
      [name, ...sources.map((path) => path.replace(at('/'), ''))].join(' '),
    )
  }
  /** What openssl makes of the staple in `staples/NAME.der` and a certificate. */
  const opensslSays = async (lineage: string, leaf: LabCertificate) => {
    const cert = join(folder, 'judged.pem')
    await writeFile(cert, leaf.pem)
    const staple = join(folder, 'staples', `${lineage}.der`)
    const { stdout } = await runProgram(peerPath('openssl'), [
      ...['ocsp', '-respin', staple, '-issuer', at('issuer.pem'), '-cert', cert],
      ...['-CAfile', at('root.pem')],
    ])
    return stdout.split('\n')[0]?.replace(`${cert}: `, '')
  }
  const wrote = (lineage: string, skipped: number) =>
    everstaple.program.wrote(
      new RegExp(`"event":"fileWritten","path":"[^"]*/${lineage}\\.der"`),
      skipped,
    )

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-certbot-'))
    await mkdir(at(), { recursive: true })
    await mkdir(join(folder, 'staples'))
    pki = makeHierarchy({ now: systemClock.now(), caKey: 'prime256v1' })
    await writeFile(at('issuer.pem'), pki.issuer.pem)
    await writeFile(at('root.pem'), pki.root.pem)
    responder = await startResponder({ issuer: pki.issuer, validity: durationMs(DAY_MS) })
    await obtain('www.test')
    await obtain('mail.test')
    everstaple = await startEverstaple(folder, {
      certificates: [at('live'), at('given/live/mail.test/fullchain.pem')],
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
      outputs: [{ file: `${folder}/staples/{dir-name}.der` }],
    })
    await Promise.all([wrote('www.test', 0), wrote('mail.test', 0)])
  })
  afterAll(async () => {
    await everstaple?.[Symbol.asyncDispose]()
    await responder?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it('takes what live/ links to, and does not look into privkey.pem', async () => {
    const key = await readFile(at('live/www.test/privkey.pem'), 'utf8')
    expect(key).toContain('-----BEGIN CERTIFICATE-----')
    expect(await managed()).toEqual([
      'mail.test given/live/mail.test/fullchain.pem',
      'www.test live/www.test/cert.pem live/www.test/fullchain.pem',
    ])
  })
  it.each(['www.test', 'mail.test'])(
    'has the staple of %s at once when it is renewed, twice in a row',
    async (lineage) => {
      for (const version of [2, 3]) {
        const before = everstaple.program.output().length
        const renewed = await renew(lineage, version)
        await wrote(lineage, before)
        expect(await opensslSays(lineage, renewed)).toBe('good')
      }
      expect(await managed()).toHaveLength(2)
    },
    SOON_MS,
  )
  it(
    'takes up a new lineage',
    async () => {
      const before = everstaple.program.output().length
      const leaf = await obtain('new.test')
      await wrote('new.test', before)
      expect(await opensslSays('new.test', leaf)).toBe('good')
    },
    SOON_MS,
  )
  it(
    'drops one that `certbot delete` removes',
    async () => {
      const before = everstaple.program.output().length
      await rm(at('live/new.test'), { recursive: true })
      await rm(at('archive/new.test'), { recursive: true })
      await everstaple.program.wrote(/"event":"fileRemoved".*new\.test\.der/, before)
      expect(await managed()).toHaveLength(2)
    },
    SOON_MS,
  )
})

/** Less than the 30 s between two looks: only an event of the file system is so quick. */
const SOON_MS = 12_000
