import { describe, expect, it, test } from 'vitest'
import { clientNames } from '../ocsp/clients.ts'
import { type Config, type ConfigFlags, resolveConfig, type Surroundings } from './config.ts'
import { describeProblem } from './problem.ts'

const env: Surroundings = { cwd: '/home/ann', home: '/home/ann', user: 'ordinary' }

function resolution(text: string, flags: ConfigFlags = {}, surroundings = env) {
  const file = { text, path: '/etc/everstaple/everstaple.yaml' }
  return resolveConfig({ file, flags, env: surroundings })
}

function configOf(text: string, flags?: ConfigFlags, surroundings?: Surroundings): Config {
  const result = resolution(text, flags, surroundings)
  if (result.kind === 'config') return result.config
  throw new Error(result.problems.map(describeProblem).join('\n'))
}

function problemsOf(text: string, flags?: ConfigFlags): readonly string[] {
  const result = resolution(text, flags)
  if (result.kind === 'config') return []
  return result.problems.map((problem) => describeProblem(problem).replace('/etc/everstaple/', ''))
}

describe('defaults', () => {
  it('needs no file', () => {
    const result = resolveConfig({ file: undefined, flags: {}, env })
    expect(result).toEqual({
      kind: 'config',
      config: {
        certificates: [],
        tags: {},
        data: '/home/ann/.local/share/everstaple',
        listen: { host: '127.0.0.1', port: 8888 },
        responders: {
          allowAddresses: [],
          concurrency: { total: 64, perResponder: 8 },
          ratePerSecond: 200,
        },
        policy: {
          clients: clientNames,
          sha1Signatures: 'refuse',
          revoked: 'withdraw',
          maxSizeBytes: 12_288,
        },
        outputs: [],
        alerts: { onChange: [], onFailing: [], onRevoked: [] },
        probe: { targets: [], every: 60_000 },
        agent: { register: false, fallback: 'none' },
        log: { format: 'text' },
      },
    })
  })
  test.each(['', '# nothing yet\n', '---\n', '{}', 'responders: {}\npolicy: {}\nlog: {}\n'])(
    'a file that sets nothing changes nothing: %j',
    (text) => {
      expect(resolution(text)).toEqual(resolveConfig({ file: undefined, flags: {}, env }))
    },
  )
  it('keeps the data of root under /var/lib', () => {
    expect(configOf('', {}, { ...env, user: 'root' }).data).toBe('/var/lib/everstaple')
  })
})

describe('values', () => {
  const values: readonly [string, (config: Config) => unknown, unknown][] = [
    ['listen: 0.0.0.0:80', (c) => c.listen, { host: '0.0.0.0', port: 80 }],
    ['listen: localhost:0', (c) => c.listen, { host: 'localhost', port: 0 }],
    ['listen: "[::1]:8888"', (c) => c.listen, { host: '::1', port: 8888 }],
    ['certificates: [live, /srv/tls]', (c) => c.certificates, ['/etc/everstaple/live', '/srv/tls']],
    ['data: ../state', (c) => c.data, '/etc/state'],
    ['ocspListen: "[::]:80"', (c) => c.ocspListen, { host: '::', port: 80 }],
    [
      'tls: {certificate: own.pem, key: /k.pem}',
      ({ tls, certificates }) => [tls, certificates],
      [{ certificate: '/etc/everstaple/own.pem', key: '/k.pem' }, ['/etc/everstaple/own.pem']],
    ],
    [
      'certificates: [b, a]\ntls: {certificate: a, key: k}',
      (c) => c.certificates,
      ['/etc/everstaple/b', '/etc/everstaple/a'],
    ],
    ['policy: {clients: all}', (c) => c.policy.clients, clientNames],
    ['policy: {clients: [go, curl]}', (c) => c.policy.clients, ['go', 'curl']],
    ['policy: {maxSizeBytes: 24576}', (c) => c.policy.maxSizeBytes, 24_576],
    ['policy: {sha1Signatures: accept}', (c) => c.policy.sha1Signatures, 'accept'],
    ['log: {format: json}', (c) => c.log.format, 'json'],
    [
      'responders: {concurrency: {total: 9}}',
      (c) => c.responders.concurrency,
      { total: 9, perResponder: 8 },
    ],
    [
      'responders: {concurrency: {total: 4}}',
      (c) => c.responders.concurrency,
      { total: 4, perResponder: 4 },
    ],
    [
      'responders: {allowAddresses: [127.0.0.0/8, "::1"]}',
      (c) => c.responders.allowAddresses,
      ['127.0.0.0/8', '::1'],
    ],
    ['outputs: [{file: "{source}.ocsp"}]', (c) => c.outputs[0]?.file, '{source}.ocsp'],
    [
      'outputs: [{file: "st/{name}.der"}]',
      (c) => c.outputs[0]?.file,
      '/etc/everstaple/st/{name}.der',
    ],
    ['outputs: [{file: /a, reload: x}]', (c) => c.outputs[0]?.reload, 'x'],
    ['outputs: [{file: /a}]', (c) => c.outputs[0]?.debounce, 2_000],
    [
      'outputs: [{server: haproxy, socket: "[::1]:9999"}]',
      (c) => [c.outputs[0]?.server, c.outputs[0]?.socket, c.outputs[0]?.file],
      ['haproxy', '[::1]:9999', undefined],
    ],
    ['outputs: [{file: /a, test: t, reload: x}]', (c) => c.outputs[0]?.test, 't'],
    [
      'alerts: {onFailing: [{command: page me}]}',
      (c) => c.alerts.onFailing,
      [{ kind: 'command', command: 'page me' }],
    ],
    [
      'alerts: {onChange: [{webhook: "https://a.test/b?c", secretFile: key}]}',
      (c) => c.alerts.onChange,
      [{ kind: 'webhook', url: 'https://a.test/b?c', secretFile: '/etc/everstaple/key' }],
    ],
    [
      'agent: {server: https://a.test, tokenFile: t, ca: c.pem}',
      ({ agent: { server, tokenFile, ca } }) => [server, tokenFile, ca],
      ['https://a.test', '/etc/everstaple/t', '/etc/everstaple/c.pem'],
    ],
    ['tags: {web: [a, /b]}', ({ tags }) => tags, { web: ['/etc/everstaple/a', '/b'] }],
    ['agent: {register: true}', ({ agent }) => agent, { register: true, fallback: 'none' }],
    ['probe: {every: 90s}', (c) => c.probe.every, 90_000],
    [
      'probe: {targets: [a.test, "[::1]:8443"]}',
      (c) => c.probe.targets.map(({ label }) => label),
      ['a.test:443', '[::1]:8443'],
    ],
    [
      'outputs: [{file: /a, certificates: [a]}]',
      (c) => c.outputs[0]?.certificates,
      ['/etc/everstaple/a'],
    ],
    ['outputs: [{file: /a, debounce: 500ms}]', (c) => c.outputs[0]?.debounce, 500],
  ]
  test.each(values)('%s', (text, pick, expected) => {
    expect(pick(configOf(text))).toEqual(expected)
  })
  it('is frozen all through', () => {
    const { responders, outputs } = configOf('outputs: [{file: /a}]')
    expect([responders, responders.concurrency, outputs, outputs[0]].every(Object.isFrozen)).toBe(
      true,
    )
  })
})

describe('flags', () => {
  it('set single keys of the policy, and leave the others as the file has them', () => {
    const file = 'policy: {sha1Signatures: accept, maxSizeBytes: 2048, clients: [go]}'
    const policy = ['revoked=staple', 'maxSizeBytes=4096', 'clients=mozpkix,curl']
    expect(configOf(file, { policy }).policy).toEqual({
      ...{ sha1Signatures: 'accept', revoked: 'staple', maxSizeBytes: 4096 },
      clients: ['mozpkix', 'curl'],
    })
    expect(configOf(file, { policy: ['clients=all'] }).policy.clients).toEqual(clientNames)
    for (const wrong of ['revoked=keep', 'revoked', 'revokd=staple', 'maxSizeBytes=1']) {
      expect(problemsOf(file, { policy: [wrong] })).toEqual([
        expect.stringMatching(/^--policy: saw /),
      ])
    }
  })

  const file = 'certificates: [a]\ndata: b\nlisten: h:1\nlog: {format: json}\n'
  it('override the file, key by key', () => {
    const flags = { certificates: ['tls'], data: 'd', listen: 'h:2', logFormat: 'text' }
    const config = configOf(file, flags)
    expect(config.certificates).toEqual(['/home/ann/tls'])
    expect(config.data).toBe('/home/ann/d')
    expect(config.listen).toEqual({ host: 'h', port: 2 })
    expect(config.log.format).toBe('text')
  })
  it('of the agent override those of the file, and leave its others', () => {
    const agent = 'agent: {server: https://a.test, tokenFile: t, name: a, register: true}'
    const flags = { server: 'https://b.test:8443', tokenFile: 'token', name: 'web1' }
    expect(configOf(agent, flags).agent).toMatchObject({
      ...{ server: 'https://b.test:8443', tokenFile: '/home/ann/token', name: 'web1' },
      register: true,
    })
    expect(configOf(agent, {})).toEqual(configOf(agent))
  })
  it('that are not given leave the file as it is', () => {
    expect(configOf(file, { data: undefined, certificates: undefined })).toEqual(configOf(file))
  })
  it('are refused by the name they have on the command line', () => {
    expect(problemsOf('', { listen: '8888', logFormat: 'xml', data: '' })).toEqual([
      '--data: saw ""; required a path; ~ is not replaced in it',
      '--listen: saw "8888"; required HOST:PORT, such as 127.0.0.1:8888 or "[::1]:8888"',
      '--log-format: saw "xml"; required text or json',
    ])
    expect(problemsOf('', { server: 'a.test:8443', name: 'web 1', tokenFile: '' })).toEqual([
      '--server: saw "a.test:8443"; required a URL, such as https://staples.example.org:8443, without user name and password',
      '--token-file: saw ""; required a path; ~ is not replaced in it',
      '--name: saw "web 1"; required letters, digits, dots, hyphens and underscores, at most 100',
    ])
  })
})

describe('problems', () => {
  const hostPort = 'HOST:PORT, such as 127.0.0.1:8888 or "[::1]:8888"'
  const address = 'an address as 192.0.2.1, or a prefix as 127.0.0.0/8'
  const clients = clientNames.join(', ')
  const cases: readonly [string, string][] = [
    ['listen: 8888', `1:9: listen: saw 8888; required ${hostPort}`],
    ['listen: 127.0.0.1:65536', `1:9: listen: saw "127.0.0.1:65536"; required ${hostPort}`],
    ['listen: ::1:80', `1:9: listen: saw "::1:80"; required ${hostPort}`],
    ['listen: "[1.2.3.4]:80"', `1:9: listen: saw "[1.2.3.4]:80"; required ${hostPort}`],
    ['data: ~', '1:7: data: saw nothing; required a path'],
    ['tls: {certificate: a}', '1:6: tls.key: saw nothing; required a path'],
    [
      'agent: {server: "https://me:secret@a.test/"}',
      '1:17: agent.server: saw "https://me:secret@a.test/"; required a URL, such as https://staples.example.org:8443, without user name and password',
    ],
    ['data: ~/state', '1:7: data: saw "~/state"; required a path; ~ is not replaced in it'],
    ['certificates: a.pem', '1:15: certificates: saw "a.pem"; required a list of paths'],
    ['certificates:\n- a\n- 3', '3:3: certificates[1]: saw 3; required a path'],
    ['certificates:', '1:14: certificates: saw nothing; required a list of paths'],
    ['[]', '1:1: the file: saw an empty list; required a map of keys and values'],
    ['hello', '1:1: the file: saw "hello"; required a map of keys and values'],
    ['policy: all', '1:9: policy: saw "all"; required a map of keys and values'],
    [
      'policy:\n  clients: [curl, firefox]',
      `2:19: policy.clients[1]: saw "firefox"; required one of ${clients}`,
    ],
    [
      'policy: {clients: some}',
      `1:19: policy.clients: saw "some"; required all, or a list of some of ${clients}`,
    ],
    [
      'policy: {clients: []}',
      '1:19: policy.clients: saw an empty list; required all, or at least one client',
    ],
    [
      'certificate: [x]',
      '1:1: certificate: saw an unknown key; required one of certificates, tags, data, listen, ocspListen, tls, responders, policy, outputs, alerts, probe, agent, log (did you mean certificates?)',
    ],
    [
      'responders:\n  concurrency:\n    perresponder: 1',
      '3:5: responders.concurrency.perresponder: saw an unknown key; required one of total, perResponder (did you mean perResponder?)',
    ],
    [
      'outputs:\n  - file: /a\n    command: x',
      '3:5: outputs[0].command: saw an unknown key; required one of certificates, server, file, socket, test, reload, debounce',
    ],
    [
      'outputs: [{reload: x}]',
      '1:11: outputs[0].file: saw nothing; required a path template, or a socket',
    ],
    [
      'outputs: [{file: /a, server: ngnix}]',
      '1:30: outputs[0].server: saw "ngnix"; required nginx or apache or haproxy or lighttpd or hitch or exim or dnsdist or trafficserver',
    ],
    [
      'outputs: [{socket: haproxy.sock, server: haproxy}]',
      '1:20: outputs[0].socket: saw "haproxy.sock"; required an absolute path, or HOST:PORT',
    ],
    [
      'outputs: [{socket: /run/haproxy.sock}]',
      '1:11: outputs[0].server: saw nothing; required haproxy, as a socket is given',
    ],
    [
      'outputs: [{file: /a, test: nginx -t}]',
      '1:11: outputs[0].reload: saw nothing; required a command, as a test is given',
    ],
    [
      'outputs: [{file: "/{nmae}"}]',
      `1:18: outputs[0].file: saw "/{nmae}"; required a path template: output path '/{nmae}' has the unknown placeholder {nmae}; use {source}, {dir}, {dir-name}, {name}, {source-md5}, {domain}, {fingerprint}, {serial}`,
    ],
    [
      'outputs: [{file: /a, debounce: 2}]',
      '1:32: outputs[0].debounce: saw 2; required a length of time of at most 30s, such as 500ms or 2s',
    ],
    [
      'outputs: [{file: /a, debounce: 5m}]',
      '1:32: outputs[0].debounce: saw "5m"; required a length of time of at most 30s, such as 500ms or 2s',
    ],
    [
      'probe: {targets: ["https://a.test"]}',
      '1:19: probe.targets[0]: saw "https://a.test"; required HOST or HOST:PORT, such as www.example.org:443',
    ],
    [
      'probe: {every: 5ms}',
      '1:16: probe.every: saw "5ms"; required a length of time from 1s to 1d, such as 60s',
    ],
    [
      'alerts: {onFailing: [{command: x, Webhook: y}]}',
      '1:35: alerts.onFailing[0].Webhook: saw an unknown key; required one of command, webhook, secretFile (did you mean webhook?)',
    ],
    [
      'alerts: {onFailing: [{webhook: "https://a.test/"}]}',
      '1:22: alerts.onFailing[0]: saw a map; required a command, or a webhook with its secretFile',
    ],
    [
      'alerts: {onRevoked: [{webhook: "https://me@a.test/", secretFile: k}]}',
      '1:32: alerts.onRevoked[0].webhook: saw "https://me@a.test/"; required a URL of http or https, without user name and password',
    ],
    [
      'responders: {allowAddresses: [localhost]}',
      `1:31: responders.allowAddresses[0]: saw "localhost"; required ${address}`,
    ],
    [
      'responders: {concurrency: {total: 0}}',
      '1:35: responders.concurrency.total: saw 0; required a whole number from 1 to 1024',
    ],
    [
      'responders: {concurrency: {total: 4, perResponder: 5}}',
      '1:52: responders.concurrency.perResponder: saw 5; required no more than total',
    ],
  ]
  test.each(cases)('%j', (text, expected) => {
    expect(problemsOf(text)).toEqual([`everstaple.yaml:${expected}`])
  })
  it('are told all together, in the order of the file', () => {
    const text = 'data: 1\nlog: {format: x}\nlisten: y\ncertificates: z\ntypo: 1\n'
    const places = problemsOf(text, { listen: 'w' }).map((line) => line.split(': saw')[0])
    expect(places).toEqual([
      'everstaple.yaml:1:7: data',
      'everstaple.yaml:2:15: log.format',
      'everstaple.yaml:3:9: listen',
      'everstaple.yaml:4:15: certificates',
      'everstaple.yaml:5:1: typo',
      '--listen',
    ])
  })
  test.each([
    ['a: [', 'YAML'],
    ['listen: [::1]:8888', 'YAML'],
    ['data: a\ndata: b', 'YAML'],
    ['data: *nowhere', 'YAML'],
    [
      'a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c]',
      'YAML',
    ],
    ['data: a\n---\ndata: b', 'YAML'],
    ['__proto__: {data: 1}', '__proto__'],
    ['? {a: 1}\n: b', '{ a'],
  ])('%j is a problem, not an exception', (text, key) => {
    expect(problemsOf(text)[0]).toMatch(new RegExp(`^everstaple.yaml:\\d+:\\d+: ${key}`))
  })
})
