import { beforeEach, describe, expect, it, test } from 'vitest'
import { DAY_MS, durationMs, epochMs, HOUR_MS, plus, SECOND_MS } from '../../der/time.ts'
import { makeHierarchy } from '../../lab/hierarchy.ts'
import { buildResponse } from '../../lab/response-builder.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { stapleDigest } from '../../store/staple-digest.ts'
import type { FileFact, OutputCertificate } from './file-plan.ts'
import { HaproxySocket } from './haproxy-socket.ts'

const start = epochMs(1_795_000_000_000)
const pki = makeHierarchy({ now: start, caKey: 'prime256v1' })

function certificate(name: string): OutputCertificate {
  const notAfter = plus(start, 30 * DAY_MS)
  const leaf = pki.issueLeaf({ dnsNames: [name], notAfter })
  return { id: leaf.certificate.fingerprint, der: leaf.der, name, sources: [], notAfter }
}

function stapleUntil(left: number): Staple {
  const nextUpdate = plus(start, left)
  const thisUpdate = plus(start, -HOUR_MS)
  const certID = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }
  const der = buildResponse({ responses: [{ certID, thisUpdate, nextUpdate }], signer: pki.issuer })
  const times = { producedAt: thisUpdate, thisUpdate, nextUpdate, usableUntil: nextUpdate }
  return { der, received: der, status: 'good', ...times }
}

/** What HAProxy says, and its process. */
class Haproxy {
  answers: (string | Error)[] = []
  pid = '7'
  startedAt = 0
  state: 'up' | 'down' = 'up'

  ask(command: string, now: number): string {
    if (this.state === 'down') throw new Error('/run/haproxy.sock: no HAProxy answers there')
    if (command === 'show info') {
      const seconds = Math.floor((now - this.startedAt) / SECOND_MS)
      return `Name: HAProxy\nPid: ${this.pid}\nUptime_sec: ${seconds}\nMemmax_MB: 0`
    }
    const answer = this.answers.shift() ?? 'OCSP Response updated!'
    if (answer instanceof Error) throw answer
    return answer
  }
}

let haproxy: Haproxy
let elapsed: number
let log: string[]
let facts: Map<string, FileFact>
beforeEach(() => {
  haproxy = new Haproxy()
  elapsed = 0
  log = []
  facts = new Map()
})

function output(reload?: () => void, startsWith: 'file' | 'nothing' = 'nothing'): HaproxySocket {
  return new HaproxySocket({
    socket: '/run/haproxy.sock',
    clock: { now: () => plus(start, elapsed), monotonic: () => durationMs(elapsed) },
    events: {
      socketTold: ({ certificate }) => log.push(`told ${certificate}`),
      socketFailed: ({ certificate, problem }) => log.push(`failed ${certificate}: ${problem}`),
      haproxyRestarted: () => log.push('restarted'),
      stapleWithheld: ({ certificate, problem }) => log.push(`withheld ${certificate}: ${problem}`),
    },
    known: (id) => facts.get(id),
    noted: (id, fact) => {
      const before = JSON.stringify(facts.get(id))
      facts.set(id, fact)
      return before === JSON.stringify(fact) ? 'same' : 'new'
    },
    startsWith,
    reload,
    ask: async (_, command) => {
      if (command !== 'show info') log.push(command.split(' ').slice(0, 3).join(' '))
      return haproxy.ask(command, elapsed)
    },
  })
}

const a = certificate('a.example')
const b = certificate('b.example')
const first = stapleUntil(DAY_MS)
const second = stapleUntil(2 * DAY_MS)
const given = ['set ssl ocsp-response', 'told a.example']
const live = (staple: Staple): FileFact => {
  return { state: 'live', stapleSha256: stapleDigest(staple.der), problem: undefined }
}

describe('a staple by socket', () => {
  it('is given once, and a newer one in its turn', async () => {
    const socket = output()
    await socket.apply(a, first)
    await socket.apply(a, first)
    expect(log).toEqual(given)
    expect(facts.get(a.id)).toEqual(live(first))
    await socket.apply(a, second)
    expect(log).toEqual([...given, ...given])
    expect(facts.get(a.id)).toEqual(live(second))
  })

  it('is in the file, where HAProxy has not read the certificate yet', async () => {
    haproxy.answers = ['OCSP single response: Certificate ID does not match any certificate']
    const socket = output(undefined, 'file')
    await socket.apply(a, first)
    const problem = expect.stringMatching(/when it is reloaded$/)
    expect(facts.get(a.id)).toMatchObject({ state: 'live', problem })
    expect(log.filter((line) => line.startsWith('failed'))).toEqual([])
    await socket.sweep()
    expect(facts.get(a.id)).toEqual(live(first))
  })

  test.each<[string | Error, string]>([
    [
      'OCSP single response: Certificate ID does not match any certificate or issuer.',
      'HAProxy says "OCSP single response: Certificate ID does not match any certificate or issuer."; it has a place for a staple only where an .ocsp file, which may be empty, was beside the certificate when it started',
    ],
    ['OCSP response status not successful.', 'HAProxy says "OCSP response status not successful."'],
    ['', 'HAProxy says ""'],
    [new Error('no answer within 5 s'), 'no answer within 5 s'],
  ])(
    'that is refused with %j fails with its words, is told once, and tried again',
    async (answer, problem) => {
      haproxy.answers = [answer, answer]
      const socket = output()
      await socket.apply(a, first)
      await socket.sweep()
      expect(log.filter((line) => line.startsWith('failed'))).toEqual([
        `failed a.example: ${problem}`,
      ])
      expect(facts.get(a.id)).toEqual({ state: 'failed', stapleSha256: undefined, problem })
      await socket.sweep()
      expect(facts.get(a.id)).toEqual(live(first))
    },
  )

  it('is withheld in its last 300 s, and the one of before stays', async () => {
    const socket = output()
    await socket.apply(a, first)
    await socket.sweep()
    const short = stapleUntil(300_000)
    await socket.apply(a, short)
    await socket.sweep()
    const problem = 'haproxy drops a staple 300 s before its nextUpdate, 2026-11-18T11:11:40Z'
    expect(facts.get(a.id)).toMatchObject({
      state: 'withheld',
      stapleSha256: stapleDigest(first.der),
    })
    expect(log.filter((line) => line.startsWith('withheld'))).toHaveLength(1)
    expect(facts.get(a.id)?.problem).toMatch(problem.slice(0, 48))
  })
})

describe('a sweep', () => {
  test.each<[string, (elapsed: number) => void]>([
    ['another process number', () => Object.assign(haproxy, { pid: '8' })],
    ['the same number and another age', (now) => Object.assign(haproxy, { startedAt: now - 1000 })],
  ])('gives everything again to a HAProxy with %s', async (_, restart) => {
    const socket = output()
    await socket.apply(a, first)
    await socket.sweep()
    log = []
    elapsed += 60_000
    await socket.sweep()
    expect(log).toEqual([])
    elapsed += 60_400
    restart(elapsed)
    await socket.sweep()
    expect(log).toEqual(['restarted', ...given])
  })

  it('gives everything at the first look, as HAProxy may have started anew before it', async () => {
    const socket = output()
    await socket.apply(a, first)
    await socket.sweep()
    expect(log).toEqual([...given, ...given])
  })

  it('asks a HAProxy that is away once, and gives everything when it is back', async () => {
    const socket = output()
    await socket.apply(a, first)
    await socket.apply(b, first)
    log = []
    haproxy.state = 'down'
    await socket.sweep()
    await socket.sweep()
    expect(log).toEqual([
      'failed a.example and 1 more: /run/haproxy.sock: no HAProxy answers there',
    ])
    expect([...facts.values()].map(({ state }) => state)).toEqual(['failed', 'failed'])
    haproxy.state = 'up'
    await socket.sweep()
    expect([...facts.values()]).toEqual([live(first), live(first)])
  })
})

describe('a withdrawal', () => {
  it('needs a reload, as there is no command for it', async () => {
    const socket = output(() => log.push('reload'))
    await socket.apply(a, first)
    log = []
    await socket.apply(a, undefined)
    await socket.apply(a, undefined)
    expect(log).toEqual(['reload'])
    expect(facts.get(a.id)?.state).toBe('withdrawn')
  })

  it('fails without one, and says until when HAProxy goes on', async () => {
    const socket = output()
    await socket.apply(a, first)
    await socket.apply(a, undefined)
    await socket.apply(a, undefined)
    expect(facts.get(a.id)).toMatchObject({ state: 'failed' })
    expect(facts.get(a.id)?.problem).toMatch(/until 300 s before its nextUpdate, 2026-/)
    await socket.sweep()
    haproxy.pid = '8'
    await socket.sweep()
    expect(facts.get(a.id)?.state).toBe('withdrawn')
  })

  it('is remembered from a former life', async () => {
    facts.set(a.id, live(first))
    await output(() => log.push('reload')).apply(a, undefined)
    expect(log).toEqual(['reload'])
  })

  it('comes by itself when the staple is over, or was never given', async () => {
    const socket = output(() => log.push('reload'))
    await socket.apply(b, undefined)
    await socket.apply(a, first)
    log = []
    elapsed = DAY_MS
    await socket.sweep()
    expect(log).toEqual([])
    expect([...facts.values()].map(({ state }) => state)).toEqual(['withdrawn', 'withdrawn'])
  })
})
