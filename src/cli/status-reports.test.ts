import { describe, expect, it } from 'vitest'
import { epochMs, iso, plus } from '../der/time.ts'
import { clientReport, clientReportLines } from './status-reports.ts'

const at = epochMs(1_800_000_000_000)
const terminal = { out: () => {}, err: () => {}, colours: 'no' } as const
const example = {
  ...{ host: 'a.test', port: 443, certificate: 'ab'.repeat(32), name: 'a.test' },
  ...{ reason: 'none-sent', detail: 'no\nstaple was sent', count: 12, firstAt: at, lastAt: at },
  example: {
    ...({ at, responseStatus: 'MISSING', certStatus: undefined, stapleSha256: undefined } as const),
  },
}
const reasons = [
  { reason: 'none-sent', count: 12 },
  { reason: 'next-update-passed', count: 2 },
]
const ours = { ...example, reasons, example }
const foreign = { ...ours, host: 'b.test', name: undefined }
const lines = (...summaries: readonly Parameters<typeof clientReport>[0][]) =>
  clientReportLines(terminal, summaries.map(clientReport), plus(at, 180_000))

describe('what clients reported, in status', () => {
  it('is a line for each server and certificate, and for those that are not managed a number', () => {
    expect(lines(ours, { ...ours, port: 8_443 }, foreign)).toEqual([
      'reported by clients',
      '!  a.test:443   a.test  none-sent 12, next-update-passed 2; last 3m ago: no staple was sent',
      '!  a.test:8443  a.test  none-sent 12, next-update-passed 2; last 3m ago: no staple was sent',
      'reported of certificates that are not managed: 1, in --json',
    ])
  })

  it('is twenty lines at most, however many were sent', () => {
    const many = Array.from({ length: 25 }, (_, port) => ({ ...ours, port }))
    expect(lines(...many)).toHaveLength(22)
    expect(lines(...many).at(-1)).toBe('   5 more are in --json')
  })

  it('is nothing where nothing was', () => {
    expect(lines()).toEqual([])
  })

  it.each([
    ['a.test', 'a.test:443'],
    ['2001:db8::1', '[2001:db8::1]:443'],
  ])('is of a server as people write it: %s', (host, server) => {
    expect(clientReport({ ...ours, host }).server).toBe(server)
  })

  it('has every field for scripts, null where there is none', () => {
    const { certificate: id } = example
    const [firstAt, lastAt, detail] = [iso(at), iso(at), example.detail]
    const common = { server: 'b.test:443', reasons, detail, firstAt, lastAt }
    expect(clientReport(foreign)).toEqual({ ...common, certificate: { id, name: null } })
    const bare = { ...foreign, certificate: undefined }
    expect(clientReport(bare)).toEqual({ ...common, certificate: null })
  })
})
