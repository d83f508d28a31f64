import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fastify } from 'fastify'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { HOUR_MS, plus } from '../der/time.ts'
import { MemoryStore } from '../lab/memory-store.ts'
import { explain } from '../ocsp/explain.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { serveExpectStaple } from '../serve/api/expect-staple.ts'
import {
  type ExpectStapleCollector,
  openExpectStapleCollector,
} from '../serve/expect-staple/collector.ts'
import { decodeExpectStapleReport, MAX_REPORT_BYTES } from '../serve/expect-staple/report.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { now, pki, staple } from './_setup.ts'
import { expectStapleReport } from './expect-staple-report.ts'
import { outcomeOf } from './outcome.ts'

const { certificate } = pki.leaf
const issuer = pki.issuer.certificate
const target = { host: '192.0.2.1', port: 8443, servername: 'www.test' }

/** The report of a handshake with this staple, judged as a check does. */
function reportOf(sent: Uint8Array | undefined, chain = [certificate, issuer]) {
  const servedChain = [certificate, issuer]
  const subject = { certificate, issuer, now, policy: defaultPolicy, servedChain }
  const explanation = sent && explain({ ...subject, response: sent })
  const outcome = outcomeOf(certificate, explanation)
  return expectStapleReport({ target, handshake: { chain, staple: sent }, outcome, at: now })
}

const expired = staple({ thisUpdate: plus(now, -2 * HOUR_MS), nextUpdate: plus(now, -HOUR_MS) })
const early = staple({ thisUpdate: plus(now, HOUR_MS) })
const revoked = staple({ certStatus: { revokedAt: now } })
const others = staple({ certID: { certificate: pki.issueLeaf().certificate, issuer } })
const tryLater = Buffer.from('30030a0103', 'hex')

describe('expectStapleReport()', () => {
  it('makes none where nothing is wrong', () => {
    expect(reportOf(staple())).toBeUndefined()
  })

  it('names the server by the name that was asked for, else by its address', () => {
    const handshake = { chain: [], staple: undefined }
    const observed = { handshake, outcome: 'none-sent', at: now } as const
    const hostOf = (text = '') => JSON.parse(text).hostname
    expect(hostOf(expectStapleReport({ ...observed, target }))).toBe('www.test')
    const nameless = { ...target, servername: undefined }
    expect(hostOf(expectStapleReport({ ...observed, target: nameless }))).toBe('192.0.2.1')
  })

  const many = Array.from({ length: 40 }, () => issuer)
  const huge = [{ ...certificate, der: Buffer.alloc(60_000) }]
  const large = Array.from({ length: 9 }, () => ({ ...issuer, der: Buffer.alloc(20_000) }))
  test.each([
    ['a chain that is too long', [certificate, ...many], expired, [10, expired.length]],
    ['issuers that are too large', [certificate, ...large], expired, [1, expired.length]],
    ['a staple that is too large', [certificate, issuer], Buffer.alloc(60_000), [1, undefined]],
    ['a certificate that is too large', huge, expired, [0, undefined]],
  ])('leaves out what does not fit: %s', (_name, chain, sent, expected) => {
    const text = reportOf(sent, chain) ?? ''
    expect(text.length).toBeLessThan(MAX_REPORT_BYTES)
    const report = decodeExpectStapleReport(text)
    if (typeof report === 'string') expect.unreachable(report)
    expect([report.servedChain.length, report.response?.length]).toEqual(expected)
  })
})

describe('the collector', () => {
  const app = fastify()
  let folder: string
  let collector: ExpectStapleCollector
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'expect-staple-'))
    const store = new MemoryStore()
    const managed = { id: certificate.fingerprint, der: certificate.der, issuer: issuer.der }
    const known = { name: 'localhost', sources: [], classification: 'ocsp', responder: '' } as const
    const rest = { mustStaple: false, notAfter: certificate.notAfter, certIDKey: undefined }
    await store.putCertificates([{ ...managed, ...known, ...rest }], now)
    collector = await openExpectStapleCollector({
      ...{ folder, store, policy: defaultPolicy, clock: new SimulatedClock(now) },
      events: { storeFailed: ({ error }) => expect.unreachable(String(error)) },
    })
    serveExpectStaple(app, collector)
  })
  afterAll(async () => {
    await app.close()
    await collector[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  test.each<[string, Uint8Array | undefined, string, string | undefined, string]>([
    ['none', undefined, 'MISSING', undefined, 'none-sent'],
    ['an old one', expired, 'INVALID_DATE', undefined, 'next-update-passed'],
    ['an early one', early, 'INVALID_DATE', undefined, 'this-update-in-future'],
    ['a revocation', revoked, 'PROVIDED', 'REVOKED', 'status-revoked'],
    ['one of another', others, 'NO_MATCHING_RESPONSE', undefined, 'cert-id-mismatch'],
    ['a forged one', staple({}, { signer: pki.root }), 'PROVIDED', 'UNKNOWN', 'signer-missing'],
    ['an error', tryLater, 'ERROR_RESPONSE', undefined, 'response-status-not-successful'],
    ['junk', Buffer.from([1]), 'PARSE_RESPONSE_ERROR', undefined, 'body-one-byte'],
  ])('takes what is made of %s, and finds the same', async (...row) => {
    const [, sent, responseStatus, certStatus, reason] = row
    const headers = { 'content-type': 'application/json' }
    const post = { method: 'POST', url: '/expect-staple', headers } as const
    const { statusCode, body } = await app.inject({ ...post, body: reportOf(sent) ?? '' })
    expect([statusCode, body]).toEqual([204, ''])
    expect(collector.reports().at(-1)).toMatchObject({
      ...{ host: 'www.test', port: 8443, name: 'localhost', count: 1, reason },
      example: { at: now, responseStatus, certStatus },
    })
  })
})
