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
  ['/certs', {}],
  ['/certs/c.pem', {}],
  ['/b.pem', { mustStaple: ['b.test'], issuers: ['/r/ca.pem'] }],
  ['/self.pem', { kind: 'nothing', remarks: ['self.test is self-signed: nothing to staple'] }],
  ['/gone.pem', { kind: 'unreadable', remarks: ['does not exist'] }],
]
const all = new Map(
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
  const named = configurations.flatMap(({ blocks }) => blocks.flatMap((each) => each.certificates))
  return propose(configurations, {
    examined: new Map([...all].filter(([path]) => named.includes(path))),
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
  configuration('haproxy', [block(['/b.pem'])], { sockets: [admin] }),
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
  const nginxWith = (...blocks: readonly string[][]) =>
    configuration(
      'nginx',
      blocks.map((each) => block(each)),
    )
  const haproxyWith = (...paths: readonly string[]) =>
    configuration('haproxy', [block(paths)], { sockets: [admin] })
  const own: readonly [string, readonly ServerConfiguration[], readonly unknown[]][] = [
    ['all where there is no other server', [nginxWith(['/a.pem'], ['/b.pem'])], [undefined]],
    [
      'only its own where there is one',
      [nginxWith(['/b.pem'], ['/a.pem'], ['/self.pem']), haproxyWith('/certs', '/gone.pem')],
      [['/r/a.pem', '/r/b.pem'], ['/r/certs']],
    ],
    [
      'those that others use, too',
      [nginxWith(['/a.pem']), haproxyWith('/a.pem', '/b.pem')],
      [['/r/a.pem'], undefined],
    ],
    [
      'all where they stand in its folder',
      [nginxWith(['/certs/c.pem']), haproxyWith('/certs')],
      [['/r/certs/c.pem'], undefined],
    ],
  ]
  test.each(own)('gives a server %s', (_, configurations, expected) => {
    const { outputs } = proposalFor(...configurations)
    expect(outputs.map(({ keys }) => keys['certificates'])).toEqual(expected)
  })
  it('keeps to the socket of HAProxy beside other servers', () => {
    const { outputs } = proposalFor(nginxWith(['/a.pem']), haproxyWith('/b.pem'))
    expect(outputs[1]?.keys).toEqual({
      certificates: ['/r/b.pem'],
      file: '{source}.ocsp',
      socket: '/r/run/admin.sock',
    })
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
      { server: 'nginx', test: 'nginx -c /r/etc/nginx.conf -t -q' },
      { server: 'haproxy', certificates: ['/r/b.pem'], socket: '/r/run/admin.sock' },
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
    '\n# Where certificates are listed, the output gets these only: add there what you add above.\noutputs:\n',
    '\n  - server: haproxy\n    certificates:\n      - /r/b.pem\n    file: ',
    '`everstaple outputs haproxy --config e.yaml`',
  ])('says %j', (part) => {
    expect(text(everything)).toContain(part)
  })
  it('stays a configuration whatever names and paths hold', () => {
    const path = '/a\n- x: "y" # \u2028{z}: \u0085'
    const at = { file: '/etc/x\nlisten: evil', line: 1 }
    const found = { path, here: path, kind: 'staple', remarks: ['\nx: y'] } as const
    const strange = propose(
      [
        configuration('nginx', [block([path], { names: ['a\r\nlisten: b\u2028c'], at })]),
        configuration('haproxy', [block(['/b.pem'])]),
      ],
      {
        examined: new Map([
          [path, { ...found, issuers: [], certificates: [], mustStaple: [] }],
          ...[...all].filter(([other]) => other === '/b.pem'),
        ]),
        endpoint: 'http://x/',
        here: (each) => each,
      },
    )
    const config = configOf(text(strange))
    expect(config.certificates).toEqual(['/r/b.pem', path, '/r/ca.pem'].sort())
    expect(config.outputs[0]?.certificates).toEqual([path])
    expect(config.listen.port).toBe(8888)
  })
})
