import { describe, expect, it, test } from 'vitest'
import { textLog } from './cli/log.ts'
import { durationMs, type EpochMs, epochMs, plus } from './der/time.ts'
import { createEvents, type Events } from './events.ts'
import type { CertificateRecord, Schedule, StapleRecord } from './store/store.ts'

const now: EpochMs = epochMs(1_800_000_000_000)
/** What a hostile certificate, responder or file name may hold. */
const nasty = 'a\nb\r\u001b[31mc\u0000d\u2028e\u202ef'

const certificate: CertificateRecord = {
  id: 'ab'.repeat(32),
  der: new Uint8Array(),
  issuer: undefined,
  name: nasty,
  sources: [nasty],
  classification: 'ocsp',
  mustStaple: true,
  notAfter: now,
  certIDKey: undefined,
  responder: '',
}
const next: Schedule = {
  dueAt: now,
  reason: nasty,
  attempts: 1,
  lastAttemptAt: now,
  lastError: nasty,
}
const staple: StapleRecord = {
  der: new Uint8Array(),
  received: new Uint8Array(),
  producedAt: now,
  thisUpdate: now,
  nextUpdate: plus(now, 1),
  usableUntil: plus(now, 1),
  fetchedAt: now,
  servedFrom: now,
  url: nasty,
}
const error = new Error(nasty)
const path = nasty
const alert = {
  type: 'certificate.failing',
  at: now,
  certificate,
  reason: nasty,
  usableUntil: undefined,
} as const

/** Each event once, as it would come at its worst. */
const samples: { readonly [name in keyof Events]: (events: Events) => void } = {
  serviceStarted: (e) => e.serviceStarted({ url: nasty, ocspUrl: nasty, data: nasty }),
  listenerCertificateChanged: (e) => e.listenerCertificateChanged({ name: nasty, notAfter: now }),
  listenerCertificateRefused: (e) => e.listenerCertificateRefused({ problem: nasty }),
  edgeSilent: (e) => e.edgeSilent({ edge: nasty, seenAt: now }),
  edgeBehind: (e) => e.edgeBehind({ edge: nasty, certificates: 2, problem: nasty }),
  edgeWell: (e) => e.edgeWell({ edge: nasty }),
  serviceStopped: (e) => e.serviceStopped(),
  configReloaded: (e) => e.configReloaded(),
  configRefused: (e) => e.configRefused({ problems: nasty }),
  certificatesChanged: (e) =>
    e.certificatesChanged({ put: [certificate], added: [], removed: [], orphans: [] }),
  sourceProblem: (e) => e.sourceProblem({ path, problem: nasty }),
  summary: (e) => e.summary({ coverage: { managed: 2, stapled: 1, missing: [nasty] }, next: now }),
  stapleStored: (e) => e.stapleStored({ certificate, staple, next, bytesSaved: 1 }),
  stapleUnchanged: (e) => e.stapleUnchanged({ certificate, next }),
  fetchFailed: (e) => e.fetchFailed({ certificate, problem: nasty, next, coveredUntil: undefined }),
  certificateRevoked: (e) => e.certificateRevoked({ certificate, problem: nasty }),
  staleEdge: (e) => e.staleEdge({ certificate, remoteAddress: nasty, thisUpdate: now, held: now }),
  responderAway: (e) => e.responderAway({ responder: nasty }),
  responderBack: (e) => e.responderBack({ responder: nasty, after: durationMs(1) }),
  clockDiffers: (e) => e.clockDiffers({ ahead: durationMs(1), responders: 2 }),
  centreReached: (e) => e.centreReached({ centre: nasty }),
  centreAway: (e) => e.centreAway({ centre: nasty, problem: nasty, retryIn: durationMs(1) }),
  centreClockDiffers: (e) => e.centreClockDiffers({ centre: nasty, ahead: durationMs(-1) }),
  stapleReceived: (e) => e.stapleReceived({ certificate, staple }),
  stapleNotTaken: (e) => e.stapleNotTaken({ certificate, problem: nasty }),
  notManaged: (e) => e.notManaged({ certificates: [certificate], isOffered: false }),
  offerFailed: (e) => e.offerFailed({ certificate, problem: nasty, retryIn: durationMs(1) }),
  reportFailed: (e) => e.reportFailed({ problem: nasty }),
  storeFailed: (e) => e.storeFailed({ error }),
  storeWorks: (e) => e.storeWorks(),
  issuerFound: (e) => e.issuerFound({ certificate, url: nasty }),
  issuerNotFound: (e) => e.issuerNotFound({ certificate, problem: nasty, retryIn: durationMs(1) }),
  stapleRefused: (e) => e.stapleRefused({ id: nasty, findings: [] }),
  requestFailed: (e) => e.requestFailed({ url: nasty, error }),
  fileWritten: (e) => e.fileWritten({ path, certificate: nasty }),
  fileRemoved: (e) => e.fileRemoved({ path, reason: nasty }),
  fileFailed: (e) => e.fileFailed({ path, error }),
  filePrepared: (e) => e.filePrepared({ path }),
  stapleWithheld: (e) => e.stapleWithheld({ place: path, certificate: nasty, problem: nasty }),
  socketTold: (e) => e.socketTold({ socket: nasty, certificate: nasty }),
  socketFailed: (e) => e.socketFailed({ socket: nasty, certificate: nasty, problem: nasty }),
  haproxyRestarted: (e) => e.haproxyRestarted({ socket: nasty }),
  filesCollide: (e) => e.filesCollide({ path, written: nasty, left: [nasty] }),
  reloaded: (e) => e.reloaded({ command: nasty, elapsed: durationMs(1) }),
  reloadFailed: (e) =>
    e.reloadFailed({ command: nasty, problem: nasty, output: nasty, retryIn: undefined }),
  serverTroubled: (e) => e.serverTroubled({ server: nasty, level: 'CRITICAL', summary: nasty }),
  serverWell: (e) => e.serverWell({ server: nasty, summary: nasty, after: durationMs(1) }),
  serverNotJudged: (e) => e.serverNotJudged({ server: nasty, error }),
  alertSent: (e) => e.alertSent({ to: nasty, alert }),
  alertFailed: (e) =>
    e.alertFailed({ to: nasty, alert, problem: nasty, output: nasty, retryIn: undefined }),
  alertsDropped: (e) => e.alertsDropped({ to: nasty, count: 2, oldest: alert, reason: nasty }),
}

function linesOf(happen: (events: Events) => void): string[] {
  const lines: string[] = []
  const terminal = {
    out: (text: string) => lines.push(text),
    err: () => {},
    colours: 'no',
  } as const
  happen(createEvents(textLog(terminal, { now: () => now })))
  return lines
}

describe('events', () => {
  test.each(Object.entries(samples))('%s gives one line that nothing can break', (_, happen) => {
    const lines = linesOf(happen)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^2027-01-15T08:00:00Z {2}\S/)
    expect(lines[0]).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]/u)
  })

  test.each(Object.entries(samples))('%s names itself to machines', (name, happen) => {
    const named: unknown[] = []
    happen(createEvents((_level, _message, fields) => named.push(fields['event'])))
    expect(named).toEqual([name === 'certificatesChanged' ? 'certificateFound' : name])
  })

  test.each([
    [{ managed: 2, stapled: 2, missing: [] }, '2 of 2 certificates have a staple'],
    [{ managed: 0, stapled: 0, missing: [] }, 'no certificate can have a staple'],
    [
      { managed: 12, stapled: 1, missing: ['a', 'b'] },
      'warn: 1 of 12 certificates have a staple, without: a, b, 9 more',
    ],
  ])('a summary of %o', (coverage, text) => {
    const lines = linesOf((events) => events.summary({ coverage, next: undefined }))
    expect(lines).toEqual([`2027-01-15T08:00:00Z  ${text}`])
  })

  it('does not raise an alarm about certificates for which there is nothing to do', () => {
    for (const classification of ['crl-only', 'no-revocation', 'ca'] as const) {
      const quiet = { ...certificate, classification }
      const changes = { put: [quiet], added: [quiet], removed: [], orphans: [] }
      const [line] = linesOf((events) => events.certificatesChanged(changes))
      expect(line).toMatch(/Z {2}a .*: nothing to do$/)
    }
  })
})
