import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  DAY_MS,
  durationMs,
  type EpochMs,
  epochMs,
  HOUR_MS,
  MINUTE_MS,
  plus,
  SECOND_MS,
} from '../../src/der/time.ts'
import { tryLater } from '../../src/lab/faults/answers.ts'
import { misbehaviour } from '../../src/lab/faults/catalogue.ts'
import { until } from '../../src/lab/faults/combine.ts'
import { judge } from '../../src/ocsp/judge.ts'
import { unknownHabits } from '../../src/responders/cadence.ts'
import { findPatterns } from '../../src/responders/patterns/find-patterns.ts'
import { BEING_FETCHED } from '../../src/store/store.ts'
import { SimulatedClock } from '../../src/time/simulated-clock.ts'
import { root } from '../_source-files.ts'
import { type Clinic, type Hospital, openClinic, openHospital, served } from './_sick-responders.ts'

const START = epochMs(Date.UTC(2026, 10, 24, 4))
const BY_NAME = [
  ...['periods-without-overlap', 'slow-to-know', 'expires-and-stays', 'responder-shut-down'],
  'get-not-allowed',
]

describe('one service over nine days of a simulated clock, real HTTP', () => {
  const clock = new SimulatedClock(START)
  const clinics = new Map<string, Clinic>()
  let hospital: Hospital
  let foundEarly: readonly string[]

  /** For each sick CA, what was served at each look: whether a staple, and when. */
  const looks: { readonly name: string; readonly hours: number; readonly covered: boolean }[] = []

  /** What `everstaple status --responders --json` says after it all. */
  let reports: readonly Report[]

  beforeAll(async () => {
    for (const name of BY_NAME) {
      clinics.set(name, await openClinic({ clock, ...misbehaviour(name) }))
    }
    const six = misbehaviour('one-backend-of-six-dead')
    clinics.set(six.name, await openClinic({ name: six.name, clock, fault: six.fault, size: 12 }))
    const newborn = { ...misbehaviour('slow-to-know'), name: 'newborn' }
    const leaf = (notBefore: EpochMs) => ({ notBefore })
    clinics.set('newborn', await openClinic({ ...newborn, leaf, clock }))
    const week = durationMs(7 * DAY_MS)
    const storm = await openClinic({ name: 'storm', clock, validity: week })
    clinics.set('storm', storm)
    hospital = await openHospital([...clinics.values()], { clock, random: () => 0.5 })
    await hospital.outcome(storm.leaves[0]?.certificate.fingerprint ?? '')
    storm.responder.setFault(until(plus(START, 3 * DAY_MS), tryLater))
    await walk(2.5 * HOUR_MS, 20 * SECOND_MS)
    foundEarly = await patternsOf('slow-to-know')
    await walk(74 * HOUR_MS, 15 * MINUTE_MS)
    reports = await reportsOf(hospital)
    await walk(9 * DAY_MS, 2 * HOUR_MS)
    // Half a minute of work, several where others work beside it.
  }, 240_000)
  afterAll(async () => {
    await hospital?.[Symbol.asyncDispose]()
    for (const clinic of clinics.values()) await clinic[Symbol.asyncDispose]()
  })

  /** Lets time go on to `end`, and looks at what every CA's certificate has at each step. */
  async function walk(end: number, step: number): Promise<void> {
    while (clock.monotonic() < end) {
      await clock.advance(durationMs(step))
      await fetched()
      for (const [name, clinic] of clinics) {
        const response = await served(hospital, clinic)
        const covered = response instanceof Uint8Array
        looks.push({ name, covered, hours: clock.monotonic() / HOUR_MS })
        if (!covered) continue
        const { issuer, leaves } = clinic
        const { certificate } = leaves[0] ?? issuer
        const now = clock.now()
        const verdict = judge({ response, certificate, issuer: issuer.certificate, now })
        if (!verdict.accepted) throw new Error(`${name}: ${JSON.stringify(verdict.findings)}`)
      }
    }
  }

  /** Resolves when nothing is being fetched and what is due has been, unless the service lets it wait. */
  async function fetched(): Promise<void> {
    const { store } = hospital.service
    for (let waited = 0; waited < 200; waited++) {
      const due = await store.nextDueAt()
      let busy = false
      for await (const { schedule } of store.entries()) busy ||= schedule?.reason === BEING_FETCHED
      if (busy) waited = 0
      else if (due === undefined || due > clock.now()) return
      await turn()
    }
  }

  const clinicOf = (name: string): Clinic => {
    const clinic = clinics.get(name)
    if (clinic === undefined) throw new Error(`there is no CA for ${name}`)
    return clinic
  }

  /** What `everstaple status --responders` finds. */
  const findings = async (name: string) => {
    const { origin } = new URL(clinicOf(name).responder.url)
    const { store } = hospital.service
    const known = (await store.responders()).find(({ responder }) => responder === origin)
    const attempts = await store.attempts(origin)
    return findPatterns({ habits: unknownHabits, ...known, attempts })
  }
  const patternsOf = async (name: string) => (await findings(name)).map(({ pattern }) => pattern)

  /** Of the looks in these hours, how many found a staple. */
  const share = (name: string, from: number, to: number) => {
    const all = looks.filter((l) => l.name === name && l.hours > from && l.hours <= to)
    return all.filter(({ covered }) => covered).length / all.length
  }

  test('seed 4: three days of tryLater cost nothing, are asked politely, and are over at once', async () => {
    expect(share('storm', 0, 74)).toBe(1)
    const [leaf] = clinicOf('storm').leaves
    const entry = await hospital.service.store.entry({ id: leaf?.certificate.fingerprint ?? '' })
    expect(entry?.staple?.fetchedAt).toBeGreaterThanOrEqual(START + 3 * DAY_MS)
    expect(entry?.schedule?.lastError).toBeUndefined()
    const { requests } = clinicOf('storm').responder
    const during = requests.filter(({ at }) => at < START + 3 * DAY_MS)
    // Once an hour at most, and somewhat more often in the beginning.
    expect(during.length).toBeLessThan(150)
  })

  test('seed 5: a certificate that the CA knows after ten minutes has its staple ten minutes later', () => {
    expect(share('slow-to-know', 0, 0.16)).toBe(0)
    expect(share('slow-to-know', 1 / 3, 74)).toBe(1)
  })

  test('seed 1: between periods without overlap there is hardly more than the unavoidable gap', () => {
    // Of each hour the last 36 seconds are kept back for clients whose clocks are ahead; looks are 20 seconds apart.
    expect(share('periods-without-overlap', 0, 2.5)).toBeGreaterThan(0.975)
  })

  test('44: a responder that was shut down a week ago is given up: asked daily, and reported', async () => {
    const { leaves, responder } = clinicOf('responder-shut-down')
    const id = leaves[0]?.certificate.fingerprint ?? ''
    const { schedule } = (await hospital.service.store.entry({ id })) ?? {}
    expect(schedule?.lastError).toMatch(/^HTTP status 404, as to all requests since .*: the CA may/)
    const asked = (day: number) => responder.requests.filter(({ at }) => dayOf(at) === day).length
    // As often as time goes on, by two hours.
    expect(asked(6)).toBeGreaterThan(15)
    expect(asked(8)).toBeLessThanOrEqual(3 * 3)
    expect(await findings('responder-shut-down')).toMatchObject([
      { pattern: 'ocsp-shut-down', evidence: expect.stringContaining('HTTP 404') },
    ])
  })

  test('5: where GET is switched off POST is tried first, and GET now and then', () => {
    const { requests } = clinicOf('get-not-allowed').responder
    const lastDays = requests.filter(({ at }) => dayOf(at) >= 4)
    const gets = lastDays.filter(({ method }) => method === 'GET')
    expect(gets.length).toBeGreaterThan(0)
    expect(gets.length).toBeLessThan(lastDays.length / 10)
    // A step of two hours is half of a validity.
    expect(share('get-not-allowed', 0, 9 * 24)).toBeGreaterThan(0.98)
  })

  test.each([
    ['periods-without-overlap', 'periods-barely-overlap'],
    ['storm', 'try-later-storm'],
    ['get-not-allowed', 'get-refused'],
  ])('%s is reported as %s', async (name, pattern) => {
    // Time goes on by hours here while a request is under way, so that an answer may be outdated when it comes.
    expect(await patternsOf(name)).toContain(pattern)
  })

  test('slow-to-know is reported in the first hours, and not when it is history', async () => {
    expect(foundEarly).toEqual(['slow-to-know-new-certificates'])
    expect(await patternsOf('slow-to-know')).toEqual([])
  })

  test('46: a response that expires and stays is served while it is good and no longer', () => {
    expect(share('expires-and-stays', 0, 0.98)).toBe(1)
    expect(share('expires-and-stays', 1, 74)).toBe(0)
  })

  test.each([
    ['seed 1', 'periods-without-overlap', 'periods-barely-overlap', / they overlap by 0ms$/],
    ['seed 4', 'one-backend-of-six-dead', 'one-failed-backend', / HTTP 404 and succeed at once /],
    ['seed 4', 'storm', 'try-later-storm', / for 2d \d+h without a good answer between$/],
    ['seed 5', 'newborn', 'slow-to-know-new-certificates', /: 1 got an answer 1\dm.* later$/],
    ['46', 'expires-and-stays', 'outdated-answers', /required a nextUpdate after now$/],
  ])('%s: status --responders says of %s: %s', (_, name, pattern, evidence) => {
    const { responder, leaves } = clinicOf(name)
    const all = reports.find((each) => each.responder === responder.url)?.findings ?? []
    // Time that goes by minutes makes others of some answers now and then.
    const findings = all.filter((each) => each.pattern === pattern)
    expect(findings).toMatchObject([{ evidence: expect.stringMatching(evidence) }])
    for (const { firstSeen, lastSeen, certificates } of findings) {
      expect(Date.parse(firstSeen)).toBeGreaterThanOrEqual(START)
      expect(Date.parse(lastSeen)).toBeGreaterThan(Date.parse(firstSeen))
      expect(Date.parse(lastSeen)).toBeLessThanOrEqual(clock.now())
      expect(certificates).toBeGreaterThan(leaves.length / 2)
      expect(certificates).toBeLessThanOrEqual(leaves.length)
    }
  })
})

function dayOf(at: number): number {
  return Math.floor((at - START) / DAY_MS)
}

interface Report {
  readonly responder: string
  readonly findings: readonly {
    readonly pattern: string
    readonly evidence: string
    readonly certificates: number
    readonly firstSeen: string
    readonly lastSeen: string
  }[]
}

async function reportsOf({ data }: Hospital): Promise<readonly Report[]> {
  const args = [join(root, 'dist/cli/main.js'), 'status', '--responders', '--json', '--data', data]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  return JSON.parse(stdout).responders
}
