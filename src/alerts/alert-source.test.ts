import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, test } from 'vitest'
import { DAY_MS, durationMs, epochMs, HOUR_MS, MINUTE_MS, plus } from '../der/time.ts'
import { type CertificateRecord, type Entry, type Schedule, StoreError } from '../store/store.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import type { Alert } from './alert.ts'
import { AlertSource, type WatchedEvents } from './alert-source.ts'

const START = epochMs(1_800_000_000_000)
const none = new Uint8Array()
const certificate: CertificateRecord = {
  id: 'ab',
  der: none,
  issuer: undefined,
  name: 'www.test',
  sources: [],
  classification: 'ocsp',
  mustStaple: true,
  notAfter: plus(START, 90 * DAY_MS),
  certIDKey: undefined,
  responder: '',
}
const planned: Schedule = {
  dueAt: START,
  reason: '',
  attempts: 0,
  lastAttemptAt: START,
  lastError: undefined,
}

/** What a test does to the service: what happens in it, and letting hours go by. */
class Service {
  readonly clock = new SimulatedClock(START)
  readonly alerts: string[] = []
  readonly reported: string[] = []
  readonly #raised: Alert[] = []
  #entry: Entry = { certificate, schedule: planned, staple: undefined, former: undefined }
  #storeError: StoreError | undefined
  readonly #source: AlertSource
  readonly #events: WatchedEvents

  constructor({ entry = {}, revoked = 'withdraw' }: ServiceOptions = {}) {
    this.#entry = { ...this.#entry, ...entry }
    const events = this.#recorder()
    this.#source = new AlertSource({
      store: {
        entry: async () => {
          if (this.#storeError !== undefined) throw this.#storeError
          return this.#entry
        },
        entries: this.#entries.bind(this),
      },
      clock: this.clock,
      policy: { revoked },
      events,
      raise: (alert) => {
        this.#raised.push(alert)
        this.alerts.push(`${this.clock.monotonic() / HOUR_MS}h ${alert.type}`)
      },
    })
    this.#events = this.#source.watch(events)
  }

  get lastReason() {
    return this.#raised.at(-1)?.reason
  }

  /** A staple of a week is stored. */
  async stored() {
    const now = this.clock.now()
    const staple = stapleOf(now)
    this.#entry = { ...this.#entry, staple }
    this.#events.stapleStored({ certificate, staple, next: planned, bytesSaved: 0 })
    await this.hours(0)
  }

  async failed(next: Schedule = planned) {
    const event = { certificate, problem: 'no answer', next, coveredUntil: undefined }
    this.#events.fetchFailed(event)
    await this.hours(0)
  }

  async unchanged() {
    this.#events.stapleUnchanged({ certificate, next: planned })
    await this.hours(0)
  }

  async revoked() {
    this.#entry = { ...this.#entry, staple: undefined }
    this.#events.certificateRevoked({ certificate, problem: 'keyCompromise' })
    await this.hours(0)
  }

  async issuerNotFound() {
    const retryIn = durationMs(HOUR_MS)
    this.#events.issuerNotFound({ certificate, problem: 'no such host', retryIn })
    await this.hours(0)
  }

  async changed(changes: Partial<Record<'put' | 'removed', readonly CertificateRecord[]>>) {
    this.#events.certificatesChanged({ put: [], added: [], removed: [], orphans: [], ...changes })
    await this.hours(0)
  }

  storeFails(error: StoreError | undefined) {
    this.#storeError = error
  }

  async hours(count: number) {
    await turn()
    await this.clock.advance(durationMs(count * HOUR_MS))
  }

  [Symbol.asyncDispose]() {
    return this.#source[Symbol.asyncDispose]()
  }

  async *#entries() {
    yield this.#entry
  }

  #recorder(): WatchedEvents {
    const note = (name: string) => () => void this.reported.push(name)
    return {
      stapleStored: note('stapleStored'),
      stapleUnchanged: note('stapleUnchanged'),
      fetchFailed: note('fetchFailed'),
      certificateRevoked: note('certificateRevoked'),
      storeFailed: note('storeFailed'),
      issuerNotFound: note('issuerNotFound'),
      certificatesChanged: note('certificatesChanged'),
    }
  }
}

interface ServiceOptions {
  readonly entry?: Partial<Entry>
  readonly revoked?: 'withdraw' | 'staple'
}

function stapleOf(thisUpdate: typeof START) {
  const times = { producedAt: thisUpdate, thisUpdate, fetchedAt: thisUpdate }
  const end = plus(thisUpdate, 7 * DAY_MS)
  const facts = { nextUpdate: end, usableUntil: end, servedFrom: thisUpdate }
  return { der: none, received: none, ...times, ...facts, url: 'http://ocsp.test' }
}

type Story = (service: Service) => Promise<void>

/** Fails for so many hours, once in each. */
const failsFor =
  (hours: number): Story =>
  async (service) => {
    for (let hour = 0; hour < hours; hour++) {
      await service.failed()
      await service.hours(1)
    }
  }
const stored: Story = (service) => service.stored()
const failed: Story = (service) => service.failed()
const unchanged: Story = (service) => service.unchanged()
const revoked: Story = (service) => service.revoked()
const wait =
  (hours: number): Story =>
  (service) =>
    service.hours(hours)
const removed: Story = (service) => service.changed({ removed: [certificate] })

const quarterLeft = 126
describe('what happens, and which alerts it raises', () => {
  test.each<[string, readonly Story[], readonly string[]]>([
    ['staples are stored', [stored, wait(48), stored], ['0h staple.stored', '48h staple.stored']],
    ['the CA has nothing newer', [stored, unchanged], ['0h staple.stored']],
    [
      'an outage that ends',
      [stored, failsFor(100), stored],
      ['0h staple.stored', '100h staple.stored'],
    ],
    [
      'an outage of which a quarter of life is left, until it ends',
      [stored, failsFor(130), stored, failed, wait(1)],
      [
        '0h staple.stored',
        `${quarterLeft}h certificate.failing`,
        '130h staple.stored',
        '130h certificate.recovered',
      ],
    ],
    [
      'an outage that goes on, with one failure and no more',
      [stored, failed, wait(180)],
      [
        '0h staple.stored',
        ...[0, 1, 2].map((day) => `${quarterLeft + 24 * day}h certificate.failing`),
      ],
    ],
    [
      'a new certificate that the CA does not know in a quarter of an hour',
      [failed, wait(0.24), failed, wait(0.02)],
      ['0.25h certificate.failing'],
    ],
    ['one that it knows by then', [failed, wait(0.24), stored, wait(24)], ['0.24h staple.stored']],
    [
      'a failure, an answer with nothing newer, nothing',
      [stored, failed, unchanged, wait(160)],
      ['0h staple.stored'],
    ],
    [
      'a revocation',
      [stored, wait(1), revoked, wait(24), revoked],
      ['0h staple.stored', '1h staple.withdrawn', '1h certificate.revoked'],
    ],
    [
      'a revocation that is taken back, and comes again',
      [revoked, stored, revoked],
      [
        '0h staple.withdrawn',
        '0h certificate.revoked',
        '0h staple.stored',
        '0h staple.withdrawn',
        '0h certificate.revoked',
      ],
    ],
    [
      'a revocation while it fails, which is then no news',
      [failed, wait(1), revoked, (s) => s.failed({ ...planned, revokedAsOf: START }), wait(48)],
      ['0.25h certificate.failing', '1h staple.withdrawn', '1h certificate.revoked'],
    ],
    ['it is removed', [stored, removed], ['0h staple.stored', '0h staple.withdrawn']],
    [
      'it is removed while it fails',
      [failed, wait(1), removed, wait(48)],
      ['0.25h certificate.failing', '1h staple.withdrawn', '1h certificate.recovered'],
    ],
    [
      'it expires while it fails',
      [
        failed,
        wait(1),
        (s) => s.changed({ put: [{ ...certificate, classification: 'expired' }] }),
        wait(48),
      ],
      ['0.25h certificate.failing', '1h certificate.recovered'],
    ],
    [
      'its files change while it fails',
      [failed, wait(1), (s) => s.changed({ put: [certificate] }), wait(24)],
      ['0.25h certificate.failing', '24.25h certificate.failing'],
    ],
    [
      'its issuer is not found',
      [(s) => s.issuerNotFound(), wait(1)],
      ['0.25h certificate.failing'],
    ],
  ])('%s', async (_, story, expected) => {
    await using service = new Service()
    for (const chapter of story) await chapter(service)
    expect(service.alerts).toEqual(expected)
  })
})

describe('AlertSource', () => {
  it('says why', async () => {
    await using service = new Service()
    await service.failed()
    await service.hours(1)
    expect(service.lastReason).toBe('no answer; it has no staple')
    await service.stored()
    const reason = 'a staple until 2027-01-22T09:00:00Z came from http://ocsp.test'
    expect(service.lastReason).toBe(reason)
  })

  it('tells again what fails and what is revoked, once the certificates are known after a start', async () => {
    const staple = stapleOf(plus(START, -6 * DAY_MS))
    const schedule = { ...planned, lastError: 'no answer' }
    await using failing = new Service({ entry: { staple, schedule } })
    await using revoked = new Service({ entry: { schedule: { ...schedule, revokedAsOf: START } } })
    await using well = new Service({ entry: { staple } })
    for (const service of [failing, revoked, well]) {
      await service.hours(1)
      await service.changed({})
      await service.changed({})
      await service.hours(1)
    }
    expect(failing.alerts).toEqual([`${1 + 5 / 60}h certificate.failing`])
    expect(revoked.alerts).toEqual(['1h certificate.revoked'])
    expect(well.alerts).toEqual([])
  })

  it('says nothing of what failed before a start and is well at once', async () => {
    const staple = stapleOf(plus(START, -6 * DAY_MS))
    const schedule = { ...planned, lastError: 'no answer' }
    await using service = new Service({ entry: { staple, schedule } })
    await service.changed({})
    await service.stored()
    await service.hours(24)
    expect(service.alerts).toEqual(['0h staple.stored'])
  })

  it('tells once of a revocation that each staple says again, and withdraws nothing', async () => {
    await using service = new Service({ revoked: 'staple' })
    for (let day = 0; day < 3; day++) {
      await service.stored()
      await service.revoked()
      await service.hours(24)
    }
    const told = service.alerts.filter((alert) => !alert.endsWith('staple.stored'))
    expect(told).toEqual(['0h certificate.revoked'])
    await service.changed({ removed: [certificate] })
    expect(service.alerts.at(-1)).toBe('72h staple.withdrawn')
  })

  it('passes every event on, and tells of a store that fails', async () => {
    await using service = new Service()
    service.storeFails(new StoreError('disk full'))
    await service.failed()
    service.storeFails(undefined)
    await service.stored()
    await service.unchanged()
    await service.revoked()
    await service.issuerNotFound()
    await service.changed({})
    expect(service.reported).toEqual([
      'fetchFailed',
      'storeFailed',
      'stapleStored',
      'stapleUnchanged',
      'certificateRevoked',
      'issuerNotFound',
      'certificatesChanged',
    ])
  })

  it('counts from the next failure on where the store failed at the first', async () => {
    await using service = new Service()
    service.storeFails(new StoreError('disk full'))
    await service.failed()
    service.storeFails(undefined)
    await service.hours(MINUTE_MS / HOUR_MS)
    expect(service.alerts).toEqual([])
    await service.failed()
    await service.hours(1)
    expect(service.alerts).toHaveLength(1)
  })
})
