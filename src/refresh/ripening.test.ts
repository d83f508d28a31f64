import { describe, expect, test } from 'vitest'
import { DAY_MS, durationMs, MINUTE_MS, SECOND_MS } from '../der/time.ts'
import { hierarchy, ward } from '../lab/faults/_exchange.ts'
import { unauthorized, validFor } from '../lab/faults/answers.ts'
import type { Fault } from '../lab/faults/fault.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { testTransport } from '../responders/_servers.ts'
import { fetchStaple } from '../responders/fetch-staple.ts'
import { Ripening } from './ripening.ts'

describe('ripening', () => {
  test.each<[string, Fault, number, string]>([
    ['waits for what begins in half a minute', validFor(30 * SECOND_MS, DAY_MS), 30, 'staple'],
    ['does not wait for more than a minute', validFor(2 * MINUTE_MS, DAY_MS), 0, 'failed'],
    ['does not wait for what has other faults', validFor(30 * SECOND_MS, 0), 0, 'failed'],
    ['leaves other failures', unauthorized, 0, 'failed'],
    ['leaves staples', validFor(-MINUTE_MS, DAY_MS), 0, 'staple'],
  ])('%s', async (_, fault, seconds, kind) => {
    await using here = await ward({ fault })
    const { clock, leaf, responder } = here
    await using transport = testTransport({ clock })
    const subject = { certificate: leaf.certificate, issuer: hierarchy.issuer.certificate }
    const so = { clock, policy: defaultPolicy, signal: new AbortController().signal }
    const outcome = await fetchStaple({ ...subject, ...so, urls: [responder.url], transport })
    const ripe = new Ripening(so).ripen(outcome, subject, so.signal)
    expect(clock.sleeping).toBe(seconds > 0 ? 1 : 0)
    await clock.advance(durationMs(seconds * SECOND_MS))
    expect(await ripe).toMatchObject({ kind, attempts: outcome.attempts })
  })

  test('ends when it is told to', async () => {
    await using here = await ward({ fault: validFor(30 * SECOND_MS, DAY_MS) })
    const { clock, leaf, responder } = here
    await using transport = testTransport({ clock })
    const subject = { certificate: leaf.certificate, issuer: hierarchy.issuer.certificate }
    const stop = new AbortController()
    const so = { clock, policy: defaultPolicy, signal: stop.signal }
    const outcome = await fetchStaple({ ...subject, ...so, urls: [responder.url], transport })
    const ripe = new Ripening(so).ripen(outcome, subject, so.signal)
    stop.abort()
    expect(await ripe).toBe(outcome)
  })

  test('lets no CA have all places to wait', async () => {
    await using here = await ward({ fault: validFor(30 * SECOND_MS, DAY_MS) })
    const { clock, leaf, responder } = here
    await using transport = testTransport({ clock })
    const subject = { certificate: leaf.certificate, issuer: hierarchy.issuer.certificate }
    const so = { clock, policy: defaultPolicy, signal: new AbortController().signal }
    const outcome = await fetchStaple({ ...subject, ...so, urls: [responder.url], transport })
    const ripening = new Ripening(so)
    const ripe = Array.from({ length: 257 }, () => ripening.ripen(outcome, subject, so.signal))
    expect(await ripe.at(-1)).toBe(outcome)
    await clock.advance(durationMs(30 * SECOND_MS))
    expect(await ripe[0]).toMatchObject({ kind: 'staple' })
    expect(clock.sleeping).toBe(0)
  })
})
