import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { bySameNames, quoted, type ServedCertificate } from './configuration-lines.ts'
import { type LinesServer, linesServers } from './servers.ts'

const www: ServedCertificate = {
  id: 'ab'.repeat(32),
  serial: '01',
  name: 'www.test',
  dnsNames: ['www.test', 'test'],
  key: 'rsa',
  ocspUrls: ['http://ocsp.test'],
  file: '/etc/live/www/fullchain.pem',
}
const wwwEc: ServedCertificate = { ...www, id: 'cd'.repeat(32), key: 'ec', file: '/etc/ec.pem' }
const endpoint = 'http://127.0.0.1:8888/ocsp/'

function linesFor(
  name: string,
  certificates: readonly ServedCertificate[] = [www],
  configured: Parameters<LinesServer['lines']>[0]['configured'] = {},
) {
  const server = linesServers.find((each) => each.name === name)
  const made = server?.lines({ certificates, endpoint, configured })
  return {
    server: made?.server.flatMap(({ lines }) => lines).join('\n') ?? '',
    everstaple: made?.everstaple.join('\n') ?? '',
  }
}

describe('lines', () => {
  test.each([
    ['nginx', 'ssl_stapling_file "/etc/live/www/fullchain.pem.nginx.ocsp";'],
    ['apache', 'SSLStaplingForceURL http://127.0.0.1:8888/ocsp/'],
    ['haproxy', 'ssl crt /etc/live/www/fullchain.pem'],
    ['lighttpd', 'ssl.stapling-file = "/etc/live/www/fullchain.pem.lighttpd.ocsp"'],
    ['hitch', 'pem-file = "/etc/live/www/fullchain.pem"'],
    [
      'exim',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an expansion of Exim
      'tls_ocsp_file = ${if exists{/etc/live/www/fullchain.pem.exim.ocsp}{/etc/live/www/fullchain.pem.exim.ocsp}}',
    ],
    ['dnsdist', 'ocspResponses = staples({ "/etc/live/www/fullchain.pem.dnsdist.ocsp" })'],
    ['node', "const staples = everstaple({ url: 'http://127.0.0.1:8888' })"],
    ['caddy', '"http://ocsp.test": "http://127.0.0.1:8888/ocsp/"'],
    ['nats', 'ocsp { mode: always, url: "http://127.0.0.1:8888/ocsp/" }'],
    ['trafficserver', 'ssl_ocsp_name=/etc/live/www/fullchain.pem.trafficserver.ocsp'],
  ])('for %s', (name, line) => {
    expect(linesFor(name).server).toContain(line)
  })

  test.each(linesServers)('for everstaple come along with those for $name', ({ name }) => {
    const { everstaple } = linesFor(name)
    expect(everstaple).toMatch(
      new RegExp(`^(listen: 127.0.0.1:8888|outputs:\n  - server: ${name}\n)`),
    )
  })

  it('have an RSA and an ECDSA certificate side by side where a server can', () => {
    const both = [www, wwwEc]
    expect(linesFor('nginx', both).server).toBe(
      'ssl_stapling on;\nssl_stapling_responder http://127.0.0.1:8888/ocsp/;',
    )
    expect(linesFor('nginx', both).everstaple).toBe('listen: 127.0.0.1:8888')
    expect(linesFor('exim', both).server).toBe(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: an expansion of Exim
      'tls_ocsp_file = ${if and{{exists{/etc/ec.pem.exim.ocsp}}{exists{/etc/live/www/fullchain.pem.exim.ocsp}}}{/etc/ec.pem.exim.ocsp : /etc/live/www/fullchain.pem.exim.ocsp}}',
    )
    expect(linesFor('dnsdist', both).server).toContain(
      'staples({ "/etc/ec.pem.dnsdist.ocsp", "/etc/live/www/fullchain.pem.dnsdist.ocsp" })',
    )
  })

  it('keep what is configured already', () => {
    const lines = linesFor('lighttpd', [www], { file: '/s/{domain}', reload: 'true' })
    expect(lines.server).toBe('ssl.stapling-file = "/s/www.test"')
    expect(lines.everstaple).toContain('file: /s/{domain}')
    expect(lines.everstaple).toContain('reload: "true"')
    expect(linesFor('haproxy', [www], { socket: '/s' }).server).toContain('stats socket /s mode')
  })

  test.each([
    ['nginx', '/a b/"x.pem', 'ssl_stapling_file "/a b/\\"x.pem.nginx.ocsp";'],
    ['haproxy', '/a b/x.pem', 'ssl crt /a\\ b/x.pem'],
    ['exim', '/a:b/$x.pem', '{exists{/a:b/\\$x.pem.exim.ocsp}{/a::b/\\$x.pem.exim.ocsp}}'],
    ['dnsdist', '/a\\"b.pem', '"/a\\\\\\"b.pem.dnsdist.ocsp"'],
  ])('for %s have odd paths escaped', (name, file, line) => {
    expect(linesFor(name, [{ ...www, file }]).server.replace('if exists', '{exists')).toContain(
      line,
    )
  })

  it('give Apache a cache that holds them all', () => {
    const many = Array.from({ length: 100 }, () => www)
    expect(linesFor('apache', many).server).toContain('shmcb:ssl_stapling(1024000)')
  })
})

describe('bySameNames()', () => {
  const [other, renewed] = [
    { ...www, dnsNames: ['other.test'] },
    { ...www, id: 'ef' },
  ]
  const turned = { ...wwwEc, dnsNames: ['test', 'www.test'] }
  test.each<[string, readonly ServedCertificate[], readonly (readonly ServedCertificate[])[]]>([
    ['the same names and other keys', [www, turned], [[turned, www]]],
    ['other names', [www, other], [[www], [other]]],
    ['the same names and keys', [www, renewed], [[www], [renewed]]],
  ])('tells what stands side by side: %s', (_what, certificates, groups) => {
    expect(bySameNames(certificates)).toEqual(groups)
  })
})

it('quoted() escapes what would end the string', () => {
  expect(quoted('a"b\\c')).toBe('"a\\"b\\\\c"')
})

describe('docs/servers.md', () => {
  const document = readFileSync(new URL('../../../docs/servers.md', import.meta.url), 'utf8')
  const ours: ServedCertificate = {
    ...www,
    name: 'www.example.org',
    ocspUrls: ['http://ocsp.ca.example'],
    file: '/etc/ssl/www.pem',
  }
  test.each(linesServers)('has what is printed for $name', ({ lines }) => {
    const { server, everstaple } = lines({ certificates: [ours], endpoint, configured: {} })
    for (const placed of server) expect(document).toContain(placed.lines.join('\n'))
    expect(document).toContain(`\`\`\`yaml\n${everstaple.join('\n')}\n\`\`\``)
  })
})
