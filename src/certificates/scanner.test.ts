import { chmod, mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { DAY_MS, epochMs, plus } from '../der/time.ts'
import { type LabCertificate, makeCertificate } from '../lab/ca.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { temporaryFolder } from './_folder.ts'
import { scanCertificates } from './folder.ts'
import { CertificateScanner } from './scanner.ts'
import { hasLeft, type Snapshot } from './source.ts'

const now = epochMs(1_795_000_000_000)
const { root, issuer, leaf, issueLeaf } = makeHierarchy({ now, caKey: 'prime256v1' })
const chain = leaf.pem + issuer.pem
const isRoot = process.getuid?.() === 0

/** Writes files into a folder, making folders on the way. */
async function write(folder: string, files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
}

/** A snapshot as lines: `name classification sources`, then `! path problem`. */
function lines({ certificates, problems }: Snapshot, folder: string): string[] {
  return [
    ...certificates.map(({ name, classification, sources }) =>
      [name, classification, ...sources.map((path) => relative(folder, path))].join(' '),
    ),
    ...problems.map(({ path, problem }) => `! ${relative(folder, path)} ${problem}`),
  ]
}

describe('a folder', () => {
  const cases: [string, Record<string, string | Uint8Array>, (string | RegExp)[]][] = [
    ['a full chain', { 'a.pem': chain }, ['localhost ocsp a.pem']],
    ['HAProxy’s combined form', { 'a.pem': leaf.keyPem + chain }, ['localhost ocsp a.pem']],
    [
      'the issuer beside the leaf',
      { 'a.pem': leaf.pem, 'a.pem.issuer': issuer.pem },
      ['localhost ocsp a.pem'],
    ],
    ['DER', { 'a.der': leaf.der, 'ca.cer': issuer.der }, ['localhost ocsp a.der']],
    ['any extension', { 'host.bundle': chain }, ['localhost ocsp host.bundle']],
    [
      'folders inside',
      { 'x/y/a.pem': leaf.pem, 'z/ca.pem': issuer.pem },
      ['localhost ocsp x/y/a.pem'],
    ],
    [
      'the same leaf in two files',
      { 'a.pem': chain, 'b/a.pem': leaf.pem },
      ['localhost ocsp a.pem b/a.pem'],
    ],
    ['no issuer', { 'a.pem': leaf.pem }, ['localhost issuer-missing a.pem']],
    ['only a CA', { 'ca.pem': issuer.pem + root.pem }, []],
    [
      'private keys and the like',
      { 'privkey.pem': leaf.keyPem, 'x.pem': leaf.keyPem, 'a.ocsp': 'x', README: 'x' },
      [],
    ],
    ['an OCSP response', { 'a.der': Buffer.from('30030a0100', 'hex') }, []],
    ['hidden files', { '.a.pem': chain, '.git/b.pem': chain }, []],
    [
      'a broken certificate',
      { 'a.pem': 'junk', 'b.pem': chain },
      ['localhost ocsp b.pem', /^! a.pem is neither/],
    ],
    ['an empty file', { 'a.crt': '' }, ['! a.crt the file is empty']],
    ['another sort of file', { 'a.dat': 'junk' }, []],
  ]
  test.each(cases)('with %s', async (_, files, expected) => {
    await using folder = await temporaryFolder()
    await write(folder.path, files)
    const found = lines(await scanCertificates([folder.path], now), folder.path)
    expect(found).toEqual(
      expected.map((each) => (each instanceof RegExp ? expect.stringMatching(each) : each)),
    )
  })

  test('as certbot lays it out: live/ is made of symlinks', async () => {
    await using folder = await temporaryFolder()
    const files = { 'archive/h/cert1.pem': leaf.pem, 'archive/h/chain1.pem': issuer.pem }
    await write(folder.path, { ...files, 'archive/h/privkey1.pem': leaf.keyPem })
    await mkdir(join(folder.path, 'live/h'), { recursive: true })
    for (const name of ['cert', 'chain', 'privkey']) {
      await symlink(`../../archive/h/${name}1.pem`, join(folder.path, `live/h/${name}.pem`))
    }
    const live = join(folder.path, 'live')
    expect(lines(await scanCertificates([live], now), live)).toEqual(['localhost ocsp h/cert.pem'])
  })

  test('with links to folders, in a circle and to nowhere', async () => {
    await using folder = await temporaryFolder()
    await write(folder.path, { 'in/a.pem': chain, 'out/b.pem': issueLeaf().pem })
    await symlink('../out', join(folder.path, 'in/linked'))
    await symlink('..', join(folder.path, 'out/up'))
    await symlink('.', join(folder.path, 'in/self'))
    await symlink('gone.pem', join(folder.path, 'in/lost.pem'))
    const path = join(folder.path, 'in')
    expect(lines(await scanCertificates([path], now), path)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^localhost ocsp a.pem/),
        expect.stringMatching(/^localhost ocsp linked\/b.pem/),
        '! lost.pem is a symbolic link to something that does not exist',
      ]),
    )
  })
})

describe('a path given by name', () => {
  const cases: [string, string, Record<string, string>, (string | RegExp)[]][] = [
    [
      'finds the issuer beside it',
      'cert.pem',
      { 'cert.pem': leaf.pem, 'chain.pem': issuer.pem },
      ['localhost ocsp cert.pem'],
    ],
    [
      'does not manage what is beside it',
      'cert.pem',
      { 'cert.pem': leaf.pem, 'b.pem': chain },
      ['localhost ocsp cert.pem'],
    ],
    ['is read whatever its name', 'a.key', { 'a.key': chain }, ['localhost ocsp a.key']],
    [
      'is told when it holds a key',
      'a.key',
      { 'a.key': leaf.keyPem },
      [/^! a.key holds a private key and no cert/],
    ],
    [
      'is listed when it is a CA',
      'ca.pem',
      { 'ca.pem': issuer.pem },
      ['everstaple lab issuing CA ca ca.pem'],
    ],
    ['may not exist', 'a.pem', {}, ['! a.pem does not exist; it is looked for again']],
  ]
  test.each(cases)('%s', async (_, name, files, expected) => {
    await using folder = await temporaryFolder()
    await write(folder.path, files)
    const found = lines(await scanCertificates([join(folder.path, name)], now), folder.path)
    expect(found).toEqual(
      expected.map((each) => (each instanceof RegExp ? expect.stringMatching(each) : each)),
    )
  })

  test('pairs certificates across all paths', async () => {
    await using folder = await temporaryFolder()
    await write(folder.path, { 'a/cert.pem': leaf.pem, 'b/ca.pem': issuer.pem })
    const paths = ['a', 'b'].map((name) => join(folder.path, name))
    const { certificates } = await scanCertificates(paths, now)
    expect(certificates.map((each) => each.issuer?.fingerprint)).toEqual([
      issuer.certificate.fingerprint,
    ])
  })

  test('is not a certificate’s file when it is a device', async () => {
    const { problems } = await scanCertificates(['/dev/null'], now)
    expect(problems).toEqual([{ path: '/dev/null', problem: 'is neither a file nor a folder' }])
  })
})

describe('a scanner remembers', () => {
  /** A scanner over a folder with `a.pem` that has scanned once, and a way to scan again and see lines. */
  async function scanned(content: string) {
    const folder = await temporaryFolder()
    const path = join(folder.path, 'certificates')
    await write(path, { 'a.pem': content })
    const scanner = new CertificateScanner([path])
    const scan = async (at = now) => {
      const result = await scanner.scan(at)
      return { ...result, lines: lines(await result.snapshot(), path) }
    }
    const first = await scan()
    return { path, first, scan, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
  }

  it('and says when nothing changed', async () => {
    await using at = await scanned(chain)
    expect(at.first).toMatchObject({ changed: true, unsettled: false })
    expect(await at.scan()).toMatchObject({ changed: false, unsettled: false })
  })

  it('and takes a renewed file for a new certificate at once', async () => {
    await using at = await scanned(chain)
    const renewed = issueLeaf({ ocspUrls: ['http://renewed.test/'] })
    await write(at.path, { 'a.new': renewed.pem + issuer.pem })
    await rename(join(at.path, 'a.new'), join(at.path, 'a.pem'))
    const { snapshot, changed } = await at.scan()
    expect(changed).toBe(true)
    expect((await snapshot()).certificates.map((each) => each.certificate.fingerprint)).toEqual([
      renewed.certificate.fingerprint,
    ])
  })

  it('and lets a removed file go when it is still gone at the next scan', async () => {
    await using at = await scanned(chain)
    await unlink(join(at.path, 'a.pem'))
    expect(await at.scan()).toMatchObject({ changed: false, unsettled: true })
    const gone = await at.scan()
    expect(gone).toMatchObject({ changed: true, unsettled: false, lines: [] })
    expect(hasLeft(await gone.snapshot(), [join(at.path, 'a.pem')])).toBe(true)
  })

  it('and waits out a file that is being rewritten', async () => {
    await using at = await scanned(chain)
    await write(at.path, { 'a.pem': chain.slice(0, 300) })
    expect(await at.scan()).toMatchObject({ changed: false, unsettled: true })
    await write(at.path, { 'a.pem': chain })
    expect(await at.scan()).toMatchObject({ unsettled: false, lines: ['localhost ocsp a.pem'] })
  })

  it('and believes a file that stays broken', async () => {
    await using at = await scanned(chain)
    await write(at.path, { 'a.pem': '' })
    await at.scan()
    const broken = await at.scan()
    expect(broken).toMatchObject({ changed: true, lines: ['! a.pem the file is empty'] })
    expect((await at.scan()).lines).toEqual(broken.lines)
  })

  it('and reports a file that was never any good only once as a change', async () => {
    await using at = await scanned('junk')
    expect(at.first.lines).toEqual([expect.stringMatching(/^! a.pem is neither PEM nor DER/)])
    expect(await at.scan()).toMatchObject({ changed: false, lines: at.first.lines })
  })

  it('and keeps the certificates of a given folder that vanishes as a whole', async () => {
    await using at = await scanned(chain)
    await rename(at.path, `${at.path}.away`)
    for (const _ of ['twice', 'and again']) {
      const { snapshot: vanished } = await at.scan()
      const snapshot = await vanished()
      expect(lines(snapshot, at.path)).toEqual([
        'localhost ocsp a.pem',
        expect.stringMatching(/^! +does not exist/),
      ])
      expect(hasLeft(snapshot, [join(at.path, 'a.pem')])).toBe(false)
    }
    await rename(`${at.path}.away`, at.path)
    expect((await at.scan()).lines).toEqual(['localhost ocsp a.pem'])
  })

  it('and keeps the certificates of a given folder that another, empty one covers, as a mount point does', async () => {
    await using at = await scanned(chain)
    await rename(at.path, `${at.path}.away`)
    await mkdir(at.path)
    for (const _ of ['twice', 'and again']) {
      expect((await at.scan()).lines).toEqual([
        'localhost ocsp a.pem',
        expect.stringMatching(/not mounted: its certificates are kept/),
      ])
    }
  })

  it.skipIf(isRoot)('and keeps what it may not read any more', async () => {
    await using at = await scanned(chain)
    await chmod(join(at.path, 'a.pem'), 0)
    await write(at.path, { 'b.pem': issueLeaf({ dnsNames: ['b.test'] }).pem })
    expect((await at.scan()).lines).toEqual([
      'b.test ocsp b.pem',
      'localhost ocsp a.pem',
      expect.stringMatching(/^! a.pem permission denied: let the user/),
    ])
  })

  it('and classifies again when a certificate expires, or the clock steps back', async () => {
    await using at = await scanned(chain)
    expect(await at.scan(leaf.certificate.notAfter)).toMatchObject({ changed: false })
    const later = plus(leaf.certificate.notAfter, 1)
    expect(await at.scan(later)).toMatchObject({
      changed: true,
      lines: ['localhost expired a.pem'],
    })
    expect(await at.scan(now)).toMatchObject({ changed: true, lines: ['localhost ocsp a.pem'] })
  })

  it('and pairs a leaf when its issuer appears', async () => {
    await using at = await scanned(leaf.pem)
    expect(at.first.lines).toEqual(['localhost issuer-missing a.pem'])
    await write(at.path, { 'ca.pem': issuer.pem })
    expect((await at.scan()).lines).toEqual(['localhost ocsp a.pem'])
  })
})

test('a scan sorts by name and leaves out a test CA without BasicConstraints', async () => {
  const validity = { notBefore: plus(now, -DAY_MS), notAfter: plus(now, DAY_MS) }
  const oldCa: LabCertificate = makeCertificate({ ...validity, subject: 'old', key: issuer.key })
  const names = ['c.test', 'a.test', 'b.test']
  await using folder = await temporaryFolder()
  for (const name of names) {
    await write(folder.path, {
      [`${name}.pem`]: issueLeaf({ dnsNames: [name], issuer: oldCa }).pem,
    })
  }
  await write(folder.path, { 'old.pem': oldCa.pem })
  const { certificates } = await scanCertificates([folder.path], now)
  expect(certificates.map(({ name }) => name)).toEqual(names.toSorted())
  await rm(join(folder.path, 'old.pem'))
})
