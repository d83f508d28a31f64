import { createHash } from 'node:crypto'
import { type EpochMs, HOUR_MS, plus } from '../../der/time.ts'
import type { LabCertificate } from '../../lab/ca.ts'
import type { CertificateRecord, Entry, StapleRecord } from '../../store/store.ts'
import { now, pki, staple } from '../_setup.ts'
import type { CollectedReport } from './collected-report.ts'
import type { ExpectStapleReport } from './report.ts'

/** A report of no staple on the certificate of `pki.leaf`. */
export const missing: ExpectStapleReport = {
  at: now,
  host: 'www.example.org',
  port: 443,
  responseStatus: 'MISSING',
  certStatus: undefined,
  response: undefined,
  servedChain: [pki.leaf.certificate.der],
}

/** A report with a staple that the client did not like. */
export function withStaple(response: Uint8Array): ExpectStapleReport {
  return { ...missing, responseStatus: 'INVALID_DATE', response }
}

/** What is kept of `pki.leaf`, with a staple unless changed. */
export function entry(changes: Partial<Entry> = {}): Entry {
  return {
    certificate: record(pki.leaf),
    schedule: undefined,
    staple: stapleRecord,
    former: undefined,
    ...changes,
  }
}

/** What is kept of a certificate, without its staple. */
export function record({ certificate }: LabCertificate): CertificateRecord {
  const { der, fingerprint: id, notAfter } = certificate
  return {
    ...{ id, der, notAfter, name: 'localhost', sources: ['api'], classification: 'ocsp' },
    issuer: pki.issuer.certificate.der,
    mustStaple: false,
    certIDKey: undefined,
    responder: 'http://ocsp.lab.test',
  }
}

/** A collected report: the first of its kind, an hour ago. */
export function collected(changes: Partial<CollectedReport> = {}): CollectedReport {
  const at: EpochMs = plus(now, -HOUR_MS)
  return {
    host: 'www.example.org',
    port: 443,
    certificate: pki.leaf.certificate.fingerprint,
    name: 'localhost',
    reason: 'none-sent',
    detail: 'the server sent no staple',
    count: 1,
    firstAt: at,
    lastAt: at,
    example: { at, responseStatus: 'MISSING', certStatus: undefined, stapleSha256: undefined },
    ...changes,
  }
}

const stapleRecord: StapleRecord = {
  ...staple,
  fetchedAt: staple.thisUpdate,
  servedFrom: staple.thisUpdate,
  url: 'http://ocsp.lab.test/',
}

/** Lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
