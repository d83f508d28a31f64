import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { epochMs, MINUTE_MS } from '../../src/der/time.ts'
import { opensslBench } from '../../src/lab/_openssl.ts'
import { shakeHands } from '../../src/lab/handshake.ts'
import { makeHierarchy } from '../../src/lab/hierarchy.ts'
import { vectors } from '../../src/lab/vectors.ts'
import { explain } from '../../src/ocsp/explain.ts'
import { judge } from '../../src/ocsp/judge.ts'
import { defaultPolicy } from '../../src/ocsp/policy.ts'
import { curlJudges } from './_clients.ts'
import { startNginx } from './_nginx.ts'
import { describeWith, peerPath } from './_peer.ts'
import { runProgram } from './_program.ts'
import { startFixedResponder, startStapleServer } from './_staple-server.ts'

const now = epochMs(Date.now())
const hierarchy = makeHierarchy({ now })
const { leaf, issuer, root } = hierarchy
const about = { certificate: leaf.certificate, issuer: issuer.certificate, now }

/** Every staple that is made of a vector, in canonical form; several kinds have the same. Those that die while the test runs are left out. */
const staples = new Map<string, { readonly names: string[]; readonly der: Uint8Array }>()
const allVectors = vectors(hierarchy, now)
for (const { name, response } of allVectors) {
  const verdict = judge({ response, ...about })
  if (!verdict.accepted || verdict.staple.usableUntil < now + 2 * MINUTE_MS) continue
  const { der } = verdict.staple
  const key = Buffer.from(der).toString('base64')
  const known = staples.get(key)
  if (known === undefined) staples.set(key, { names: [name], der })
  else known.names.push(name)
}

/** What no client takes, shown to each as the last: where it is taken, the test sees nothing. */
const EXPIRED = 'nextupdate_past_25h'
const shown = [
  ...staples.values(),
  ...allVectors
    .filter(({ name }) => name === EXPIRED)
    .map(({ name, response }) => ({ names: [name], der: response })),
]

describeWith(
  ['openssl', 'curl', 'gnutls-cli', 'nginx', 'haproxy'],
  'what everstaple staples, real clients take',
  () => {
    let folder: string
    const file = (name: string) => join(folder, name)

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'everstaple-clients-'))
      await writeFile(file('root.pem'), root.pem)
      await writeFile(file('chain.pem'), leaf.pem + issuer.pem)
      await writeFile(file('leaf.key'), leaf.keyPem)
      await writeFile(file('trusted.pem'), issuer.pem + root.pem)
    })
    afterAll(() => rm(folder, { recursive: true }))

    it('has staples of many kinds', () => {
      expect([...staples.values()].flatMap(({ names }) => names).length).toBeGreaterThan(55)
    })

    it('openssl ocsp -respin', async () => {
      using bench = opensslBench(hierarchy)
      const refused = await refusedOf(async (der) =>
        (await bench.accepts(der)) ? undefined : 'openssl ocsp -respin',
      )
      expect(refused).toEqual([EXPIRED])
    })

    it('curl --cert-status', async () => {
      const refused = await refusedInHandshake(async (port) => {
        const verdict = await curlJudges({ port, name: 'localhost', root: file('root.pem') })
        return verdict.kind === 'accepted' ? undefined : verdict.message
      })
      expect(refused).toEqual([EXPIRED])
    })

    it('gnutls-cli', async () => {
      const refused = await refusedInHandshake(async (port) => {
        const { status, stdout, stderr } = await runProgram(peerPath('gnutls-cli'), [
          ...['--x509cafile', file('root.pem'), '--sni-hostname', 'localhost'],
          ...['--verify-hostname', 'localhost', '--port', String(port), '127.0.0.1'],
        ])
        const isJudged = /The certificate is trusted/.test(stdout) && /OCSP/.test(stdout)
        return status === 0 && isJudged ? undefined : `status ${status}: ${stderr}${stdout}`
      })
      expect(refused).toEqual([EXPIRED])
    })

    it('nginx with ssl_stapling_verify', async () => {
      await using responder = await startFixedResponder(shown.map(({ der }) => der))
      const files = { chain: file('chain.pem'), certificate: file('chain.pem') }
      const servers = shown.map((_staple, index) => ({
        leaf: { ...files, key: file('leaf.key'), serial: '' },
        directives: [
          `ssl_trusted_certificate ${file('trusted.pem')};`,
          'ssl_stapling on;',
          'ssl_stapling_verify on;',
          `ssl_stapling_responder ${responder.url(index)};`,
        ],
      }))
      await using nginx = await startNginx(folder, servers)
      const refused = await refusedOf(async (_der, index) => {
        const port = nginx.ports[index] ?? 0
        // nginx asks the responder after the first handshake, which therefore goes without.
        for (let attempt = 0; attempt < MAX_HANDSHAKES; attempt++) {
          const shaken = await shakeHands({ port, servername: 'localhost', ca: root.pem })
          if (shaken.kind === 'stapled') return undefined
          if (shaken.kind === 'failed') return shaken.problem
        }
        return `not stapled\n${nginx.log()}`
      })
      expect(refused).toEqual([EXPIRED])
    })

    it('HAProxy’s loader', async () => {
      const refused = await refusedOf(async (der, index) => {
        const certificate = file(`haproxy-${index}.pem`)
        const config = file(`haproxy-${index}.cfg`)
        await writeFile(certificate, leaf.pem + issuer.pem + leaf.keyPem)
        await writeFile(`${certificate}.ocsp`, der)
        await writeFile(config, haproxyConfig(certificate))
        const { status, stdout, stderr } = await runProgram(peerPath('haproxy'), [
          ...['-c', '-f', config],
        ])
        const said = stdout + stderr
        return status === 0 && !said.includes('OCSP') ? undefined : said
      })
      expect(refused).toEqual([EXPIRED])
    })
  },
)

type Client = (der: Uint8Array, index: number) => Promise<string | undefined>

/** Shows each staple to a client, three at a time, and gives those that it refuses with all that it takes to look into it. */
async function refusedOf(...clients: readonly Client[]): Promise<string[]> {
  const refused: string[] = []
  const queue = shown.entries()
  const work = async (client: Client) => {
    for (const [index, { names, der }] of queue) {
      const objection = await client(der, index)
      if (objection === undefined) continue
      refused.push(names.includes(EXPIRED) ? EXPIRED : report(names, der, objection))
    }
  }
  const [first] = clients
  const workers = clients.length === 1 && first !== undefined ? [first, first, first] : clients
  await Promise.all(workers.map(work))
  return refused
}

/** As {@link refusedOf}, with a TLS server that staples for each of three clients. */
async function refusedInHandshake(
  judges: (port: number) => Promise<string | undefined>,
): Promise<string[]> {
  await using first = await startStapleServer(leaf, issuer)
  await using second = await startStapleServer(leaf, issuer)
  await using third = await startStapleServer(leaf, issuer)
  const clients = [first, second, third].map(
    (server): Client =>
      (der) => {
        server.staple(der)
        return judges(server.port)
      },
  )
  return await refusedOf(...clients)
}

function report(names: readonly string[], der: Uint8Array, objection: string): string {
  const subject = { response: der, ...about, policy: defaultPolicy, servedChain: undefined }
  const explained = JSON.stringify(explain(subject), undefined, 2)
  return `${names.join(', ')}: ${objection}\n${Buffer.from(der).toString('base64')}\n${explained}`
}

function haproxyConfig(certificate: string): string {
  return [
    'defaults',
    '  mode http',
    '  timeout client 1s',
    '  timeout server 1s',
    '  timeout connect 1s',
    'frontend f',
    `  bind 127.0.0.1:1 ssl crt ${certificate}`,
    '  http-request deny',
    '',
  ].join('\n')
}

const MAX_HANDSHAKES = 50
