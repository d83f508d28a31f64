import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { durationMs, HOUR_MS } from '../../src/der/time.ts'
import type { ServerChange } from '../../src/edge/discover/proposed.ts'
import { type Hierarchy, makeHierarchy } from '../../src/lab/hierarchy.ts'
import type { KeyKind } from '../../src/lab/keys.ts'
import { type Responder, startResponder } from '../../src/lab/responder.ts'
import { systemClock } from '../../src/time/clock.ts'
import { root } from '../_source-files.ts'
import { curlJudges, opensslSees } from './_clients.ts'
import { type DebianMachine, debianMachine } from './_debian-machine.ts'
import { describeWith, peerPath } from './_peer.ts'
import { accepting, freePorts } from './_ports.ts'
import { type RunningProgram, runProgram, startProgram } from './_program.ts'

interface StatusReport {
  readonly certificates: readonly {
    readonly outputs: readonly { readonly place: string; readonly state: string }[]
  }[]
}

const WWW = 'letsencrypt/live/www.test/fullchain.pem'
const PAIR = ['ssl/pair.test/ec.pem', 'ssl/pair.test/rsa.pem']
const main = join(root, 'dist/cli/main.js')

describeWith(
  ['openssl', 'curl', 'nginx', 'apache2', 'haproxy'],
  'everstaple discover, then everstaple run',
  () => {
    const stack = new AsyncDisposableStack()
    let machine: DebianMachine
    let pki: Hierarchy
    let responder: Responder
    let ports: { nginx: number; pair: number; apache: number; haproxy: number; ocsp: number }
    let file: string
    let everstaple: RunningProgram
    let haproxy: RunningProgram
    let report: { readonly changes: readonly ServerChange[] }
    const server = (name: string, port: number) => ({
      port,
      name,
      root: join(machine.root, 'ca.pem'),
    })

    const discover = (...args: readonly string[]) =>
      runProgram(process.execPath, [main, 'discover', '--root', machine.root, ...args])
    /** A program that says nothing when it is ready: it is when it listens. */
    const startServer = async (path: string, args: readonly string[], port: number) => {
      const program = stack.use(await startProgram({ path, args, ready: /(?:)/ }))
      await accepting(port, program)
      return program
    }
    const socket = () => machine.at('/run/haproxy/admin.sock')
    const ensure = (path: string) => {
      const service = `http://127.0.0.1:${ports.ocsp}`
      const args = ['ensure', machine.at(path), '--server', service, '--wait', '5s']
      return runProgram(process.execPath, [main, ...args])
    }
    /** How the outputs stand: `PATH STATE`. */
    const states = async () => {
      const args = ['status', '--data', machine.at('/data'), '--json']
      const { stdout } = await runProgram(process.execPath, [main, ...args])
      const { certificates }: StatusReport = JSON.parse(stdout)
      return certificates
        .flatMap(({ outputs }) => outputs)
        .map(({ place, state }) => `${place.replace(machine.root, '')} ${state}`)
        .sort()
    }
    /** Does what the proposal says is to be done in the configuration of a server. */
    const change = async ({ server: kind, where, lines, instead }: ServerChange) => {
      const own = lines.map((line) => line.replace('127.0.0.1:8888', `127.0.0.1:${ports.ocsp}`))
      for (const { file: path, line } of instead) await editLine(path, line, () => '')
      if (kind === 'apache') {
        await machine.write('/etc/apache2/conf-enabled/everstaple.conf', own.join('\n'))
      } else if (own.length > 0) {
        const [, path = '', line = ''] = /^(.*?):(\d+)/.exec(where) ?? []
        await editLine(path, Number(line), (text) => `${text} ${own.join(' ')}`)
      }
    }
    const editLine = async (path: string, line: number, edit: (text: string) => string) => {
      const text = await readFile(machine.at(path), 'utf8')
      const lines = text.split('\n').map((each, i) => (i === line - 1 ? edit(each) : each))
      await writeFile(machine.at(path), lines.join('\n'))
    }

    /** Writes a certificate with its key, and gives its serial number in hex. */
    const put = async (path: string, name: string, key: KeyKind, ocspUrls = [responder.url]) => {
      const leaf = pki.issueLeaf({ dnsNames: [name], ocspUrls, key: pki.keys(name + key, key) })
      const chain = leaf.pem + pki.issuer.pem
      await machine.write(`${path}.key`, leaf.keyPem)
      await machine.write(path, path.startsWith('/etc/haproxy') ? leaf.keyPem + chain : chain)
      return Buffer.from(leaf.certificate.serialNumber).toString('hex')
    }

    beforeAll(async () => {
      const folder = await mkdtemp(join(tmpdir(), 'everstaple-discover-'))
      stack.defer(() => rm(folder, { recursive: true }))
      file = join(folder, 'everstaple.yaml')
      machine = await debianMachine(join(folder, 'm'))
      pki = makeHierarchy({ now: systemClock.now(), caKey: 'prime256v1' })
      responder = stack.use(
        await startResponder({ issuer: pki.issuer, validity: durationMs(HOUR_MS) }),
      )
      const [nginx = 0, pair = 0, apache = 0, haproxy = 0, ocsp = 0] = await freePorts(5)
      ports = { nginx, pair, apache, haproxy, ocsp }
      await machine.write('/ca.pem', pki.root.pem)
      const live = machine.at('/etc/letsencrypt/live')
      await put('/etc/letsencrypt/live/www.test/fullchain.pem', 'www.test', 'prime256v1')
      await put('/etc/letsencrypt/live/httpd.test/fullchain.pem', 'httpd.test', 'prime256v1')
      await put('/etc/ssl/pair.test/rsa.pem', 'pair.test', 'rsa-2048')
      await put('/etc/ssl/pair.test/ec.pem', 'pair.test', 'prime256v1')
      await put('/etc/ssl/quiet.pem', 'quiet.test', 'prime256v1', [])
      await put('/etc/haproxy/certs/a.pem', 'a.test', 'prime256v1')
      await put('/etc/haproxy/certs/b.pem', 'b.test', 'rsa-2048')
      const block = (name: string, port: number, ...certificates: readonly string[]) => `server {
  listen 127.0.0.1:${port} ssl;
  server_name ${name};
${certificates.map((path) => `  ssl_certificate ${path};\n  ssl_certificate_key ${path}.key;\n`).join('')}
  ssl_stapling on;
  location / { return 200 ok; }
}
`
      await machine.write(
        '/etc/nginx/sites-available/tls',
        block('www.test', nginx, `${live}/www.test/fullchain.pem`) +
          block('quiet.test', nginx, machine.at('/etc/ssl/quiet.pem')) +
          block(
            'pair.test',
            pair,
            machine.at('/etc/ssl/pair.test/rsa.pem'),
            machine.at('/etc/ssl/pair.test/ec.pem'),
          ),
      )
      await machine.write('/etc/nginx/sites-enabled/tls', '->../sites-available/tls')
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      await machine.write(
        '/etc/nginx/conf.d/temporary.conf',
        temporary.map((name) => `${name}_temp_path ${machine.at(`/run/${name}`)};\n`).join(''),
      )
      for (const name of ['ssl.load', 'ssl.conf', 'socache_shmcb.load']) {
        await machine.write(`/etc/apache2/mods-enabled/${name}`, `->../mods-available/${name}`)
      }
      await writeFile(machine.at('/etc/apache2/ports.conf'), `Listen 127.0.0.1:${apache}\n`)
      await machine.write(
        '/etc/apache2/sites-available/httpd.test-le-ssl.conf',
        `Define LIVE ${live}
<IfModule mod_ssl.c>
<VirtualHost *:${apache}>
  ServerName httpd.test
  SSLEngine on
  SSLCertificateFile \${LIVE}/httpd.test/fullchain.pem
  SSLCertificateKeyFile \${LIVE}/httpd.test/fullchain.pem.key
</VirtualHost>
</IfModule>
`,
      )
      await machine.write(
        '/etc/apache2/sites-enabled/httpd.test-le-ssl.conf',
        '->../sites-available/httpd.test-le-ssl.conf',
      )
      const haproxyFile = machine.at('/etc/haproxy/haproxy.cfg')
      const bind = `bind 127.0.0.1:${haproxy} ssl crt ${machine.at('/etc/haproxy/certs')}`
      await writeFile(
        haproxyFile,
        `${await readFile(haproxyFile, 'utf8')}\nfrontend www\n  ${bind}\n  http-request return status 200\n`,
      )
    })
    afterAll(() => stack.disposeAsync())

    it('writes a configuration, once', async () => {
      const { status, stdout } = await discover('--json', '--out', file)
      expect(status).toBe(0)
      report = JSON.parse(stdout)
      expect(report).toMatchObject({
        servers: [{ server: 'nginx' }, { server: 'apache' }, { server: 'haproxy' }],
        problems: [],
        certificates: [
          { path: machine.at('/etc/haproxy/certs'), kind: 'staple' },
          { path: machine.at('/etc/letsencrypt/live/httpd.test/fullchain.pem'), kind: 'staple' },
          { path: machine.at('/etc/letsencrypt/live/www.test/fullchain.pem'), kind: 'staple' },
          { path: machine.at('/etc/ssl/pair.test/ec.pem'), kind: 'staple' },
          { path: machine.at('/etc/ssl/pair.test/rsa.pem'), kind: 'staple' },
          { path: machine.at('/etc/ssl/quiet.pem'), kind: 'nothing' },
        ],
        outputs: [
          {
            server: 'nginx',
            keys: { certificates: [WWW, ...PAIR].map((path) => machine.at(`/etc/${path}`)) },
          },
          {
            server: 'haproxy',
            keys: { certificates: [machine.at('/etc/haproxy/certs')], socket: socket() },
          },
        ],
      })
      const again = await discover('--out', file)
      expect(again).toMatchObject({
        status: 2,
        stdout: '',
        stderr: expect.stringContaining(`'${file}' is there already`),
      })
    })
    it('everstaple runs with it', async () => {
      const text = (await readFile(file, 'utf8'))
        .replaceAll('127.0.0.1:8888', `127.0.0.1:${ports.ocsp}`)
        // By default ten seconds are left from one reload to the next.
        .replace('- server: nginx', '- server: nginx\n    debounce: 100ms')
      await writeFile(file, `${text}responders: { allowAddresses: [127.0.0.1] }\n`)
      everstaple = stack.use(
        await startProgram({
          path: process.execPath,
          args: [
            main,
            'run',
            '--config',
            file,
            '--data',
            machine.at('/data'),
            '--log-format',
            'json',
          ],
          ready: /"event":"serviceStarted"/,
        }),
      )
      for (const name of [
        'www.test/fullchain.pem.nginx.ocsp',
        'certs/a.pem.ocsp',
        'certs/b.pem.ocsp',
      ]) {
        await everstaple.wrote(new RegExp(`"event":"fileWritten","path":"[^"]*/${name}"`))
      }
    })
    it('the servers start with their configurations changed as it says', async () => {
      for (const each of report.changes) await change(each)
      const [conf, cfg] = [
        machine.at('/etc/nginx/nginx.conf'),
        machine.at('/etc/haproxy/haproxy.cfg'),
      ]
      await startServer(peerPath('nginx'), ['-c', conf, '-g', 'daemon off;'], ports.nginx)
      haproxy = await startServer(
        peerPath('haproxy'),
        ['-Ws', '-f', cfg, '-p', machine.at('/run/haproxy.pid')],
        ports.haproxy,
      )
      const apache = `. ${machine.at('/etc/apache2/envvars')}; exec ${peerPath('apache2')} -d ${machine.at('/etc/apache2')} -DFOREGROUND`
      await startServer('/bin/sh', ['-c', apache], ports.apache)
    })
    it.each([
      ['www.test', 'nginx'],
      ['httpd.test', 'apache'],
      ['a.test', 'haproxy'],
      ['b.test', 'haproxy'],
    ] as const)('%s is stapled by %s', async (name, which) => {
      const at = server(name, ports[which])
      expect(await opensslSees(at)).toMatchObject({ kind: 'staple', certStatus: 'good' })
      expect(await curlJudges(at)).toEqual({ kind: 'accepted' })
    })
    it.each(['rsa', 'ecdsa'] as const)(
      'pair.test is stapled by nginx with its %s certificate',
      async (signatures) => {
        const at = server('pair.test', ports.pair)
        // The first handshakes of each worker go without.
        let saw = await opensslSees(at, { signatures })
        for (let more = 100; saw.kind === 'no-staple' && more > 0; more -= 1) {
          saw = await opensslSees(at, { signatures })
        }
        expect(saw).toMatchObject({ kind: 'staple', certStatus: 'good' })
      },
    )
    it('every output takes the certificates of its server, and no other', async () => {
      for (const path of ['haproxy/certs/a.pem', 'haproxy/certs/b.pem', WWW]) {
        expect(await ensure(`/etc/${path}`)).toMatchObject({ status: 0 })
      }
      expect(await states()).toEqual([
        '/etc/haproxy/certs/a.pem.ocsp live',
        '/etc/haproxy/certs/b.pem.ocsp live',
        ...[WWW, ...PAIR].map((path) => `/etc/${path}.nginx.ocsp live`),
        '/run/haproxy/admin.sock live',
        '/run/haproxy/admin.sock live',
      ])
    })
    const stapled = async (at: ReturnType<typeof server>, serial: string) => {
      let saw = await opensslSees(at)
      for (let more = 250; !('serial' in saw && saw.serial === serial) && more > 0; more -= 1) {
        await wait(50)
        saw = await opensslSees(at)
      }
      expect(saw).toMatchObject({ kind: 'staple', certStatus: 'good', serial })
    }
    it('a renewed certificate of nginx is stapled with nobody doing anything', async () => {
      const serial = await put(`/etc/${WWW}`, 'www.test', 'prime256v1')
      await stapled(server('www.test', ports.nginx), serial)
    })
    it('a renewed certificate of HAProxy is stapled when a deploy hook has reloaded it', async () => {
      const before = everstaple.output().length
      const path = '/etc/haproxy/certs/a.pem'
      const serial = await put(path, 'a.test', 'prime256v1')
      await everstaple.wrote(/"event":"fileWritten","path":"[^"]*certs\/a\.pem\.ocsp"/, before)
      process.kill(haproxy.pid, 'SIGUSR2')
      await stapled(server('a.test', ports.haproxy), serial)
      expect(await ensure(path)).toMatchObject({ status: 0 })
    })
  },
)
