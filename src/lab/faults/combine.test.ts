import type { LookupFunction } from 'node:net'
import { describe, expect, it } from 'vitest'
import { durationMs, HOUR_MS, MINUTE_MS, plus, SECOND_MS } from '../../der/time.ts'
import { defaultPolicy } from '../../ocsp/policy.ts'
import { testTransport } from '../../responders/_servers.ts'
import { fetchStaple } from '../../responders/fetch-staple.ts'
import { ask, hierarchy, NOW, type Ward, ward } from './_exchange.ts'
import { httpError, tryLater, unauthorized } from './answers.ts'
import {
  alternating,
  firstFor,
  onAddress,
  oneBackendOf,
  onMethod,
  onSerialNumber,
  sinceStartFor,
  until,
} from './combine.ts'
import type { Fault } from './fault.ts'
import { deadAt, withoutOverlap } from './six-sick-cas.ts'

const oneHour = durationMs(HOUR_MS)

describe('a fault', () => {
  it.each<[string, Fault, readonly string[]]>([
    ['in turn with others', alternating(tryLater, httpError(500)), ['tryLater', '500', 'tryLater']],
    ['over one connection of two', oneBackendOf(2, tryLater), ['tryLater', 'good', 'tryLater']],
    ['for one method, another for the other', onMethod('POST', tryLater, httpError(405)), ['405']],
    ['for some serial numbers', onSerialNumber(() => true, tryLater), ['tryLater']],
    ['for no serial number', onSerialNumber(() => false, tryLater), ['good']],
    [
      'within a fault',
      onMethod('GET', oneBackendOf(2, tryLater), httpError(405)),
      ['tryLater', 'good'],
    ],
  ])('can strike %s', async (_, fault, expected) => {
    await using here = await ward({ fault })
    for (const each of expected) expect(await ask(here)).toBe(each)
  })

  it.each<[string, Fault]>([
    ['from the start on', sinceStartFor(oneHour, unauthorized)],
    ['to a time', until(plus(NOW, HOUR_MS), unauthorized)],
  ])('can last an hour %s', async (_, fault) => {
    await using here = await ward({ fault })
    expect(await ask(here)).toBe('unauthorized')
    await here.clock.advance(durationMs(HOUR_MS - 1))
    expect(await ask(here)).toBe('unauthorized')
    await here.clock.advance(durationMs(1))
    expect(await ask(here)).toBe('good')
  })

  it('can last an hour for each certificate, from when it was first asked for', async () => {
    await using here = await ward({ fault: firstFor(oneHour, unauthorized) })
    const later: Ward = { ...here, leaf: hierarchy.issueLeaf() }
    expect(await ask(here)).toBe('unauthorized')
    await here.clock.advance(oneHour)
    expect([await ask(here), await ask(later)]).toEqual(['good', 'unauthorized'])
    await here.clock.advance(oneHour)
    expect(await ask(later)).toBe('good')
  })

  it('can strike at one address of several on the same port', async () => {
    const alsoAt = ['127.0.0.2', '127.0.0.3']
    await using here = await ward({ fault: onAddress('127.0.0.2', httpError(404)) }, { alsoAt })
    const answers = []
    for (const host of ['127.0.0.1', ...alsoAt]) answers.push(await ask(here, 'GET', { host }))
    expect(answers).toEqual(['good', '404', 'good'])
    expect(here.responder.requests.map(({ localAddress }) => localAddress)).toEqual([
      '127.0.0.1',
      ...alsoAt,
    ])
  })
})

describe('CA #1, periods without overlap', () => {
  it('has the next response one second before the last one ends, not yet valid then', async () => {
    await using here = await ward({ fault: withoutOverlap(oneHour) })
    const steps = [HOUR_MS - MINUTE_MS, MINUTE_MS - SECOND_MS - 1, 1, SECOND_MS - 1, 1]
    const answers = [await ask(here)]
    for (const step of steps) {
      await here.clock.advance(durationMs(step))
      answers.push(await ask(here))
    }
    expect(answers).toEqual([
      'good',
      'good',
      // Not handed out any more: the margin is 1 %, 36 seconds.
      'good usable-time-over',
      'this-update-in-future',
      'this-update-in-future',
      'good',
    ])
  })
})

describe('CA #4, one of six addresses behind a name', () => {
  const addresses = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5', '127.0.0.6']
  const [dead = '', ...alsoAt] = addresses

  it('costs one attempt where the name gives another address next time', async () => {
    await using here = await ward({ fault: deadAt(dead) }, { alsoAt })
    let asked = 0
    const inTurn: LookupFunction = (_name, _options, done) => {
      const turned = [...addresses.slice(asked), ...addresses.slice(0, asked)]
      asked++
      done(
        null,
        turned.map((address) => ({ address, family: 4 })),
      )
    }
    await using transport = testTransport({ clock: here.clock, lookup: inTurn })
    const outcome = await fetchStaple({
      certificate: here.leaf.certificate,
      issuer: hierarchy.issuer.certificate,
      urls: [`http://ocsp.lab.test:${here.responder.port}`],
      policy: defaultPolicy,
      signal: new AbortController().signal,
      transport,
      clock: here.clock,
    })
    expect(outcome).toMatchObject({
      kind: 'staple',
      attempts: [
        { remoteAddress: dead, statusCode: 404 },
        { remoteAddress: '127.0.0.2', statusCode: 200 },
      ],
    })
  })
})
