import { describe, expect, test } from 'vitest'
import { epochMs } from '../../der/time.ts'
import { makeHierarchy } from '../../lab/hierarchy.ts'
import { machine } from './_machine.ts'
import type { ServerConfiguration } from './configuration.ts'
import { examinePaths } from './examine.ts'

const now = epochMs(1_795_000_000_000)
const { issuer, leaf, issueLeaf, root } = makeHierarchy({ now, caKey: 'prime256v1' })
const quiet = issueLeaf({ dnsNames: ['quiet.test'], ocspUrls: [] })
const over = issueLeaf({ dnsNames: ['over.test'], notAfter: epochMs(now - 1) })
const broken = issueLeaf({ dnsNames: ['broken.test'], ocspUrls: [], tlsFeatures: [5] })
const insisting = issueLeaf({ dnsNames: ['strict.test'], tlsFeatures: [5] })

async function examined(path: string, files: Readonly<Record<string, string>>) {
  using at = machine(files)
  const block = { at: { file: '', line: 1 }, names: [], certificates: [path] }
  const nginx: ServerConfiguration = {
    ...{ server: 'nginx', files: [], problems: [], stapling: [], sockets: [] },
    blocks: [{ ...block, chains: ['/ca/chain.pem'], stapling: [] }],
  }
  const found = (await examinePaths([nginx], at.tree, now)).get(path)
  return [
    found?.kind,
    ...(found?.remarks ?? []),
    ...(found?.mustStaple ?? []).map((name) => `! ${name}`),
    ...(found?.issuers ?? []).map((issuer) => issuer.replace(at.root, '')),
  ]
}

describe('examinePaths()', () => {
  const cases: readonly [string, string, Readonly<Record<string, string>>, readonly unknown[]][] = [
    ['a chain', '/a.pem', { '/a.pem': leaf.pem + issuer.pem }, ['staple']],
    ['a must-staple one', '/a', { '/a': insisting.pem + issuer.pem }, ['staple', '! strict.test']],
    ['HAProxy’s form', '/a.pem', { '/a.pem': leaf.keyPem + leaf.pem + issuer.pem }, ['staple']],
    [
      'one without its issuer',
      '/a.pem',
      { '/a.pem': leaf.pem },
      [
        'staple',
        'localhost: the certificate of its issuer is not there, and is fetched from the CA',
      ],
    ],
    [
      'one whose issuer stands in a chain file',
      '/a.pem',
      { '/a.pem': leaf.pem, '/ca/chain.pem': issuer.pem },
      ['staple', '/ca/chain.pem'],
    ],
    [
      'one without OCSP',
      '/a.pem',
      { '/a.pem': quiet.pem + issuer.pem },
      ['nothing', 'quiet.test has no OCSP URL: nothing to staple'],
    ],
    [
      'one without OCSP that insists on it',
      '/a.pem',
      { '/a.pem': broken.pem + issuer.pem },
      [
        'nothing',
        expect.stringMatching(
          /^broken.test has no OCSP URL: nothing to staple \(.*have it issued again\)$/,
        ),
      ],
    ],
    [
      'a self-signed one',
      '/a.pem',
      { '/a.pem': root.pem },
      ['nothing', 'everstaple lab root is self-signed: nothing to staple'],
    ],
    [
      'one that is over, which will be renewed',
      '/a.pem',
      { '/a.pem': over.pem + issuer.pem },
      ['staple', expect.stringMatching(/^over.test: expired at .*: renew it/)],
    ],
    ['nothing', '/a.pem', {}, ['unreadable', 'does not exist']],
    [
      'junk',
      '/a.pem',
      { '/a.pem': 'junk' },
      ['unreadable', expect.stringMatching(/^is neither PEM nor DER/)],
    ],
    ['an empty folder', '/f', { '/f/README': '' }, ['unreadable', 'holds no certificate']],
    [
      'a folder',
      '/f',
      { '/f/a.pem': leaf.pem + issuer.pem, '/f/b.pem': quiet.pem, '/f/c.pem': 'junk' },
      [
        'staple',
        'quiet.test has no OCSP URL: nothing to staple',
        expect.stringMatching(/\/f\/c.pem: is neither PEM nor DER/),
      ],
    ],
  ]
  test.each(cases)('of %s', async (_, path, files, expected) => {
    expect(await examined(path, files)).toEqual(expected)
  })
})
