import { describe, expect, it, test } from 'vitest'
import { resolveConfig } from '../../config/config.ts'
import { describeProblem } from '../../config/problem.ts'
import { epochMs } from '../../der/time.ts'
import type { DiscoveredServer, ServerConfiguration, TlsBlock } from './configuration.ts'
import type { ExaminedPath } from './examine.ts'
import { propose } from './proposal.ts'
import { proposalText } from './proposal-text.ts'
import type { Proposal } from './proposed.ts'

function block(certificates: readonly string[], more: Partial<TlsBlock> = {}): TlsBlock {
  const at = { file: '/etc/x.conf', line: 3 }
  return { at, names: ['a.test'], certificates, chains: [], stapling: [], ...more }
}

function configuration(
  server: DiscoveredServer,
  blocks: readonly TlsBlock[],
  more: Partial<ServerConfiguration> = {},
): ServerConfiguration {
  const files = [`/etc/${server}.${server === 'haproxy' ? 'cfg' : 'conf'}`]
  return { server, files, blocks, problems: [], stapling: [], sockets: [], ...more }
}

const kinds: readonly [string, Partial<ExaminedPath>][] = [
  ['/a.pem', {}],
  ['/b.pem', { mustStaple: ['b.test'], issuers: ['/r/ca.pem'] }],
  ['/self.pem', { kind: 'nothing', remarks: ['self.test is self-signed: nothing to staple'] }],
  ['/gone.pem', { kind: 'unreadable', remarks: ['does not exist'] }],
]
const examined = new Map(
  kinds.map(([path, more]): [string, ExaminedPath] => [
    path,
    {
      path,
      here: `/r${path}`,
      kind: 'staple',
      remarks: [],
      issuers: [],
      certificates: [],
      mustStaple: [],
      ...more,
    },
  ]),
)

function proposalFor(...configurations: readonly ServerConfiguration[]): Proposal {
  return propose(configurations, {
    examined,
    endpoint: 'http://127.0.0.1:8888/ocsp/',
    here: (path) => `/r${path}`,
  })
}

const on = { file: '/etc/x.conf', line: 9, text: 'ssl_stapling on' }
const admin = { address: '/run/admin.sock', level: 'admin' }
const everything = proposalFor(
  configuration('nginx', [
    block(['/a.pem'], { stapling: [on] }),
    block(['/a.pem', '/b.pem'], { names: ['1', '2', '3', '4', '5', '6'] }),
    block(['/self.pem']),
  ]),
  configuration('apache', [block(['/a.pem', '/gone.pem'])], {
    problems: [{ path: '/etc/y.conf:1', problem: 'permission denied' }],
  }),
  configuration('haproxy', [block(['/a.pem'])], { sockets: [admin] }),
)

describe('propose()', () => {
  it('gives nginx a file where a server block has one certificate', () => {
    const { outputs, changes } = proposalFor(configuration('nginx', [block(['/a.pem'])]))
    expect(outputs.map(({ keys }) => keys)).toEqual([
      {
        file: '{source}.nginx.ocsp',
        test: 'nginx -c /r/etc/nginx.conf -t -q',
        reload: 'nginx -c /r/etc/nginx.conf -s reload',
      },
    ])
    expect(changes.map(({ lines }) => lines)).toEqual([
      ['ssl_stapling on;', 'ssl_stapling_file "/a.pem.nginx.ocsp";'],
    ])
  })
  it('has nginx ask where a server block has several, and says what that costs', () => {
    const { outputs, changes } = proposalFor(configuration('nginx', [block(['/a.pem', '/b.pem'])]))
    expect(outputs).toEqual([])
    expect(changes[0]?.lines).toEqual([
      'ssl_stapling on;',
      'ssl_stapling_responder http://127.0.0.1:8888/ocsp/;',
    ])
    expect(changes[0]?.remarks.at(-1)).toMatch(/^b\.test is must-staple: /)
  })
  it('has Apache httpd ask, in one place', () => {
    const { outputs, changes } = proposalFor(
      configuration('apache', [block(['/a.pem']), block(['/b.pem'], { stapling: [on] })]),
    )
    expect(outputs).toEqual([])
    expect(changes).toHaveLength(1)
    expect(changes[0]?.lines).toContain('SSLStaplingForceURL http://127.0.0.1:8888/ocsp/')
    expect(changes[0]?.instead).toEqual([on])
  })
  const reloaded = {
    test: 'haproxy -c -q -f /r/etc/haproxy.cfg',
    reload: 'kill -USR2 $(cat /r/run/haproxy.pid)',
  }
  const sockets: readonly [string, ServerConfiguration['sockets'], object][] = [
    [
      'its admin socket',
      [{ ...admin, level: 'user', address: '/u' }, admin],
      { socket: '/r/run/admin.sock' },
    ],
    ['another address', [{ ...admin, address: '127.0.0.1:99' }], { socket: '127.0.0.1:99' }],
    ['a reload, without a socket', [], reloaded],
  ]
  test.each(sockets)('gives HAProxy files, and newer ones by %s', (_, given, keys) => {
    const blocks = [block(['/a.pem', '/b.pem'])]
    const { outputs } = proposalFor(configuration('haproxy', blocks, { sockets: given }))
    expect(outputs.map((each) => each.keys)).toEqual([{ file: '{source}.ocsp', ...keys }])
  })
  it('reloads HAProxy where its socket would refuse certificates of other servers', () => {
    const blocks = [block(['/a.pem'])]
    const { outputs } = proposalFor(configuration('haproxy', blocks, { sockets: [admin] }))
    expect(outputs.map((each) => each.keys)).toEqual([{ file: '{source}.ocsp', ...reloaded }])
  })
  test.each(['nginx', 'apache', 'haproxy'] as const)(
    'proposes nothing for %s without a certificate to staple',
    (server) => {
      const { outputs, changes } = proposalFor(
        configuration(server, [block(['/self.pem', '/gone.pem'])]),
      )
      expect([outputs, changes]).toEqual([[], []])
    },
  )
})

describe('proposalText()', () => {
  const text = (proposal: Proposal) =>
    proposalText(proposal, { madeAt: epochMs(0), listen: '127.0.0.1:8888', file: 'e.yaml' })
  const configOf = (written: string) => {
    const file = { text: written, path: '/etc/e.yaml' }
    const env = { cwd: '/', home: '/', user: 'root' } as const
    const resolution = resolveConfig({ file, flags: {}, env })
    if (resolution.kind === 'config') return resolution.config
    throw new Error(resolution.problems.map(describeProblem).join('\n'))
  }

  it('is a configuration', () => {
    const { certificates, listen, outputs } = configOf(text(everything))
    expect(certificates).toEqual(['/r/a.pem', '/r/b.pem', '/r/ca.pem'])
    expect(listen).toEqual({ host: '127.0.0.1', port: 8888 })
    expect(outputs).toMatchObject([
      { server: 'nginx', file: '{source}.nginx.ocsp', test: 'nginx -c /r/etc/nginx.conf -t -q' },
      { server: 'haproxy', file: '{source}.ocsp', reload: 'kill -USR2 $(cat /r/run/haproxy.pid)' },
    ])
  })
  it('is one where nothing was found, too', () => {
    const nothing = { certificates: [], issuers: [], outputs: [], changes: [], problems: [] }
    expect(configOf(text(nothing))).toMatchObject({ certificates: [], outputs: [] })
  })
  test.each([
    '# Not read:\n#   /etc/y.conf:1: permission denied\n',
    '\n  # nginx, /etc/x.conf:3 (a.test)\n  #   self.test is self-signed: nothing to staple\n  # - /r/self.pem\n',
    '\n  # Apache httpd, /etc/x.conf:3 (a.test)\n  #   cannot be used now: does not exist\n  # - /r/gone.pem\n',
    '\n# nginx, /etc/x.conf:3 (1, 2, 3, 4 and 2 more):\n',
    '\n#     ssl_stapling_file "/a.pem.nginx.ocsp";\n#   take out /etc/x.conf:9 `ssl_stapling on`\n',
    '`everstaple outputs haproxy --config e.yaml`',
  ])('says %j', (part) => {
    expect(text(everything)).toContain(part)
  })
  it('stays a configuration whatever names and paths hold', () => {
    const path = '/a\n- x: "y" # \u2028{z}: \u0085'
    const at = { file: '/etc/x\nlisten: evil', line: 1 }
    const strange = propose(
      [configuration('nginx', [block([path], { names: ['a\r\nlisten: b\u2028c'], at })])],
      {
        examined: new Map([
          [
            path,
            {
              path,
              here: path,
              kind: 'staple',
              remarks: ['\nx: y'],
              issuers: [],
              certificates: [],
              mustStaple: [],
            },
          ],
        ]),
        endpoint: 'http://x/',
        here: (each) => each,
      },
    )
    const config = configOf(text(strange))
    expect(config.certificates).toEqual([path])
    expect(config.listen.port).toBe(8888)
  })
})
