import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, test } from 'vitest'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { systemClock } from '../time/clock.ts'
import { everstaple, temporaryFolder } from './_everstaple.ts'

const folder = temporaryFolder()
const pki = makeHierarchy({ now: systemClock.now(), caKey: 'prime256v1' })
const at = (name: string) => join(folder.path, name)
mkdirSync(at('live'))
// As certbot has them.
writeFileSync(at('live/cert.pem'), pki.leaf.pem)
writeFileSync(at('live/chain.pem'), pki.issuer.pem)
writeFileSync(at('live/fullchain.pem'), pki.leaf.pem + pki.issuer.pem)
writeFileSync(at('c.yaml'), 'certificates: [live]\nlisten: 0.0.0.0:99\n')
writeFileSync(at('free.yaml'), 'certificates: [live]\nlisten: 127.0.0.1:0\n')
writeFileSync(at('tls.yaml'), 'certificates: [live]\ntls: {certificate: a, key: b}\n')
writeFileSync(
  at('both.yaml'),
  'certificates: [live]\nocspListen: "[::]:8889"\ntls: {certificate: a, key: b}\n',
)
writeFileSync(
  at('own.yaml'),
  'certificates: [live]\noutputs: [{ server: exim, file: "/s/{domain}" }]\n',
)
mkdirSync(at('servers'))
writeFileSync(at('servers/www.pem'), pki.leaf.pem + pki.issuer.pem)
writeFileSync(
  at('some.yaml'),
  'certificates: [live, servers]\noutputs: [{ server: haproxy, certificates: [servers], socket: /s }]\n',
)
writeFileSync(at('none.yaml'), 'certificates: []\n')

afterAll(() => folder[Symbol.dispose]())

const run = (line: string) => everstaple(folder.path, ['outputs', ...line.split(' ')])

describe('everstaple outputs', () => {
  it('lists the servers', async () => {
    const { status, stdout } = await everstaple(folder.path, ['outputs'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^nginx +a file and a reload$/m)
  })

  it('prints what to paste, for the file that servers are given', async () => {
    const { status, stdout } = await run('nginx --config c.yaml')
    expect(status).toBe(0)
    expect(stdout).toBe(`# Configuration of nginx
# server block of localhost, which has ${at('live/fullchain.pem')}
ssl_stapling on;
ssl_stapling_file "${at('live/fullchain.pem')}.nginx.ocsp";

# Configuration of everstaple
outputs:
  - server: nginx
    file: "{source}.nginx.ocsp"
    test: nginx -t
    reload: nginx -s reload
`)
  })

  it('prints it as JSON', async () => {
    const { status, stdout } = await run('nats --config c.yaml --json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      server: 'nats',
      serverLines: [
        {
          place: 'top level',
          lines: ['ocsp { mode: always, url: "http://127.0.0.1:99/ocsp/" }'],
        },
      ],
      everstapleLines: ['listen: 0.0.0.0:99'],
    })
  })

  it('has servers ask where OCSP alone is answered', async () => {
    const { stdout } = await run('nats --config both.yaml')
    expect(stdout).toContain('url: "http://[::1]:8889/ocsp/"')
  })

  it('names the paths that are configured already', async () => {
    const { stdout } = await run('exim --config own.yaml')
    expect(stdout).toContain('{exists{/s/localhost}{/s/localhost}}'.replace('{exists', 'exists'))
  })

  it('keeps to the certificates of the output', async () => {
    const { stdout } = await run('haproxy --config some.yaml')
    expect(stdout).toContain(`\nssl crt ${at('servers/www.pem')}\n`)
    expect(stdout).not.toContain(at('live'))
    expect(stdout).toContain(`    certificates:\n      - ${at('servers')}\n    file: `)
  })

  test.concurrent.each([
    ['iis --config c.yaml', /^everstaple: error: 'iis' is no server with known lines\n/],
    ['nginx --config none.yaml', /^everstaple: error: no certificate that can have a staple/],
    ['apache --config free.yaml', /^everstaple: error: `listen` takes any free port/],
    ['apache --config tls.yaml', /^everstaple: error: `listen` speaks TLS/],
  ])('%s is a usage error', async (line, message) => {
    const { status, stdout, stderr } = await run(line)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })

  it('--help has an example', async () => {
    expect((await run('--help')).stdout).toContain('$ everstaple outputs nginx')
  })
})
