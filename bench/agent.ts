// What an agent with ten thousand certificates takes of memory: at its first start, when all of them and their staples are new, and after a restart.
//
//   npm run bench:agent
//
// The agent is the built command, with certificates in files, as on an edge; the centre is this process. Linux only: memory is read from /proc.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fastify } from 'fastify'
import { classify } from '../src/certificates/classify.ts'
import { DAY_MS, HOUR_MS, plus } from '../src/der/time.ts'
import type { LabCertificate } from '../src/lab/ca.ts'
import { makeHierarchy } from '../src/lab/hierarchy.ts'
import { MemoryStore } from '../src/lab/memory-store.ts'
import { buildResponse } from '../src/lab/response-builder.ts'
import { serveChanges } from '../src/serve/api/changes.ts'
import { serveEdges } from '../src/serve/api/edges.ts'
import { ChangeFeed } from '../src/serve/feed.ts'
import type { CertificateRecord, StapleRecord } from '../src/store/store.ts'
import { systemClock } from '../src/time/clock.ts'

const CERTIFICATES = Number(process.env['BENCH_CERTIFICATES'] ?? 10_000)
const REST_MS = Number(process.env['BENCH_REST_MS'] ?? 60_000)
const now = systemClock.now()
// RSA for the CA, as with most public ones: its certificate and its staples are larger than with ECDSA.
const pki = makeHierarchy({ now })
const { issuer } = pki

const folder = mkdtempSync(join(tmpdir(), 'everstaple-bench-'))
const certificates = join(folder, 'certificates')
mkdirSync(certificates)
const store = new MemoryStore()
for (let at = 0; at < CERTIFICATES; at++) {
  const leaf = pki.issueLeaf({ dnsNames: [`host-${at}.example.org`] })
  writeFileSync(join(certificates, `host-${at}.pem`), leaf.pem + issuer.pem)
  const record = recordOf(leaf)
  await store.putCertificates([record], now)
  const kept = { dueAt: plus(now, DAY_MS), reason: 'bench', attempts: 0 }
  const schedule = { ...kept, lastAttemptAt: now, lastError: undefined }
  await store.complete(record.id, schedule, { staple: stapleFor(leaf) })
}

const feed = new ChangeFeed({ store, clock: systemClock, tagsOf: () => [] })
const closing = new AbortController()
const app = fastify()
await app.register(
  async (inner) => {
    serveChanges(inner, feed, { closing: closing.signal })
    serveEdges(inner, { store, clock: systemClock })
  },
  { prefix: '/v1' },
)
const server = await app.listen({ host: '127.0.0.1', port: 0 })

console.log(`${CERTIFICATES} certificates`)
await measure('first start', 'stapleReceived')
await measure('restart', 'centreReached')

closing.abort()
await app.close()
rmSync(folder, { recursive: true })

async function measure(start: string, event: string): Promise<void> {
  const began = performance.now()
  const agent = startAgent()
  await heard(agent, event, event === 'stapleReceived' ? CERTIFICATES : 1)
  const seconds = (performance.now() - began) / 1_000
  await wait(REST_MS)
  const goal = CERTIFICATES === 10_000 ? 'under 80 MB' : '-'
  line(`${start}, until it has them all`, `${seconds.toFixed(1)} s`, '-')
  line('  memory of its own a minute later', memory(agent, 'RssAnon'), goal)
  line('  with the pages of the Node.js executable', memory(agent, 'VmRSS'), '-')
  line('  the latter at its height', memory(agent, 'VmHWM'), '-')
  agent.kill()
  await once(agent, 'exit')
}

function startAgent(): ChildProcess {
  const main = new URL('../dist/cli/main.js', import.meta.url).pathname
  const config = join(folder, 'everstaple.yaml')
  // JSON is YAML.
  const settings = {
    ...{ certificates: [certificates], data: join(folder, 'data'), listen: '127.0.0.1:0' },
    agent: { server, name: 'bench' },
    log: { format: 'json' },
  }
  writeFileSync(config, JSON.stringify(settings))
  return spawn(process.execPath, [main, 'agent', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment() },
  })
}

/** That of the systemd unit in docs/agents.md. */
function environment(): Readonly<Record<string, string>> {
  const document = readFileSync(new URL('../docs/agents.md', import.meta.url), 'utf8')
  const settings = /^Environment=(.+)$/m.exec(document)?.[1]?.split(' ') ?? []
  return Object.fromEntries(settings.map((each) => each.split(/=(.*)/, 2)))
}

/** Resolves when the agent has told of an event so many times. */
async function heard({ stdout }: ChildProcess, event: string, times: number): Promise<void> {
  let count = 0
  const done = Promise.withResolvers<void>()
  let rest = ''
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    count += lines.filter((each) => each.includes(`"event":"${event}"`)).length
    if (count >= times) done.resolve()
  })
  await done.promise
}

function memory({ pid }: ChildProcess, field: 'RssAnon' | 'VmRSS' | 'VmHWM'): string {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1])
  return `${Math.round(kilobytes / 1024)} MB`
}

function recordOf({ certificate, der }: LabCertificate): CertificateRecord {
  return {
    id: certificate.fingerprint,
    der,
    issuer: issuer.der,
    name: 'bench',
    sources: ['/bench'],
    classification: classify(certificate, issuer.certificate, now).classification,
    mustStaple: false,
    notAfter: certificate.notAfter,
    certIDKey: undefined,
    responder: 'http://ocsp.example.org',
  }
}

function stapleFor({ certificate }: LabCertificate): StapleRecord {
  const times = { thisUpdate: plus(now, -HOUR_MS), nextUpdate: plus(now, 4 * DAY_MS) }
  const certID = { certificate, issuer: issuer.certificate }
  const der = buildResponse({ responses: [{ certID, ...times }], signer: issuer })
  const kept = { fetchedAt: now, servedFrom: now, usableUntil: times.nextUpdate }
  return { der, received: der, producedAt: times.thisUpdate, ...times, ...kept, url: 'http://ca' }
}

function line(what: string, figure: string, goal: string): void {
  console.log(`${what.padEnd(46)} ${figure.padStart(10)}   goal: ${goal}`)
}
