import { describe, expect, it } from 'vitest'
import { epochMs, plus } from '../der/time.ts'
import { type Alert, alertCertificate, alertEnvironment, alertJson } from './alert.ts'

const now = epochMs(1_800_000_000_000)
const alert: Alert = {
  type: 'certificate.failing',
  at: now,
  certificate: { id: 'ab', name: 'www.test', mustStaple: true, sources: ['/tls/www.pem'] },
  reason: 'connect timed out',
  usableUntil: plus(now, 60_000),
}

describe('alertJson()', () => {
  it('has type, timestamp and data, as Standard Webhooks advises', () => {
    expect(alertJson(alert)).toBe(
      '{"type":"certificate.failing","timestamp":"2027-01-15T08:00:00Z","data":{"name":"www.test",' +
        '"fingerprint":"ab","mustStaple":true,"sources":["/tls/www.pem"],"reason":"connect timed out",' +
        '"usableUntil":"2027-01-15T08:01:00Z"}}',
    )
  })
  it('says null where there is no staple', () => {
    expect(alertJson({ ...alert, usableUntil: undefined })).toMatch(/"usableUntil":null}}$/)
  })
})

describe('alertEnvironment()', () => {
  it('has the same facts', () => {
    expect(alertEnvironment(alert)).toEqual({
      EVERSTAPLE_EVENT: 'certificate.failing',
      EVERSTAPLE_TIME: '2027-01-15T08:00:00Z',
      EVERSTAPLE_NAME: 'www.test',
      EVERSTAPLE_FINGERPRINT: 'ab',
      EVERSTAPLE_MUST_STAPLE: 'yes',
      EVERSTAPLE_REASON: 'connect timed out',
      EVERSTAPLE_USABLE_UNTIL: '2027-01-15T08:01:00Z',
    })
  })
  it('holds nothing that a process cannot be started with', () => {
    const certificate = { ...alert.certificate, name: 'a\0b\nc\u202ed' }
    const reason = 'x'.repeat(1_000_000)
    const { EVERSTAPLE_NAME, EVERSTAPLE_REASON } = alertEnvironment({
      ...alert,
      certificate,
      reason,
    })
    expect([EVERSTAPLE_NAME, EVERSTAPLE_REASON?.length]).toEqual(['a b c d', 1_000])
  })
})

describe('alertCertificate()', () => {
  it('keeps neither bytes nor any number of paths while an alert waits', () => {
    const sources = Array.from({ length: 1_000 }, (_, i) => `/${i}`)
    const record = { ...alert.certificate, sources, der: new Uint8Array(1_000) }
    expect(JSON.stringify(alertCertificate(record)).length).toBeLessThan(200)
  })
})
