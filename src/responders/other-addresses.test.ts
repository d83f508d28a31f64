import { describe, expect, test } from 'vitest'
import { DAY_MS, durationMs, HOUR_MS, plus, SECOND_MS } from '../der/time.ts'
import { hierarchy, NOW, type Ward, ward } from '../lab/faults/_exchange.ts'
import { httpError, reset, silent } from '../lab/faults/answers.ts'
import { onAddress } from '../lab/faults/combine.ts'
import type { Fault } from '../lab/faults/fault.ts'
import { deadAt } from '../lab/faults/six-sick-cas.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { testTransport } from './_servers.ts'
import { fetchStaple } from './fetch-staple.ts'
import { SilentAddresses } from './silent-addresses.ts'
import type { UndiciTransport } from './undici-transport.ts'

const [first, second] = ['127.0.0.1', '127.0.0.2']

/** A responder whose name has two addresses, always in this order, of which the first has a fault. */
function twoAddresses(fault: Fault): Promise<Ward> {
  return ward({ fault: onAddress(first, fault) }, { alsoAt: [second] })
}

function transportFor(
  { clock }: Ward,
  addresses: readonly string[] = [first, second],
): UndiciTransport {
  const found = addresses.map((address) => ({ address, family: 4 }))
  const limits = { totalTimeout: durationMs(100) }
  return testTransport({ clock, limits, lookup: (_, __, callback) => callback(null, found) })
}

/** Each attempt of a fetch: the end of the address, and what came of it. */
async function fetched(
  { leaf, clock, responder }: Ward,
  transport: UndiciTransport,
  state?: 'ending' | 'lasting',
) {
  const { attempts } = await fetchStaple({
    certificate: leaf.certificate,
    issuer: hierarchy.issuer.certificate,
    urls: [`http://ocsp.lab.test:${responder.port}`],
    held: state && { state, thisUpdate: plus(NOW, -DAY_MS) },
    policy: defaultPolicy,
    signal: new AbortController().signal,
    transport,
    clock,
  })
  return attempts.map(({ remoteAddress, outcome }) => `${remoteAddress?.at(-1)} ${outcome}`)
}

describe('of two addresses of a name', () => {
  test.each([
    ['says 404', httpError(404), ['1 http-404', '2 staple']],
    ['breaks connections off', reset, ['1 protocol', '2 staple']],
  ])('the second is asked at once where the first %s', async (_, fault, expected) => {
    await using here = await twoAddresses(fault)
    await using transport = transportFor(here)
    expect(await fetched(here, transport)).toEqual(expected)
  })

  test('the second is asked next where the first is silent, and for an hour', async () => {
    await using here = await twoAddresses(silent)
    await using transport = transportFor(here)
    expect(await fetched(here, transport)).toEqual(['1 timeout'])
    expect(await fetched(here, transport)).toEqual(['2 staple'])
  })
})

describe('of six addresses of a name, the last of which is well,', () => {
  const six = Array.from({ length: 6 }, (_, i) => `127.0.0.${i + 1}`)
  const sick = six.slice(0, 5).map((_, i) => `${i + 1} http-404`)
  test.each([
    ['three are asked where the staple in hand lasts', 'lasting', sick.slice(0, 3)],
    ['all are asked where it is ending', 'ending', [...sick, '6 staple']],
  ] as const)('%s', async (_, state, expected) => {
    await using here = await ward({ fault: deadAt(...six.slice(0, 5)) }, { alsoAt: six.slice(1) })
    await using transport = transportFor(here, six)
    expect(await fetched(here, transport, state)).toEqual(expected)
  })

  test('none is asked for ever where all fail', async () => {
    await using here = await ward({ fault: httpError(404) }, { alsoAt: six.slice(1, 3) })
    await using transport = transportFor(here, six.slice(0, 3))
    const attempts = await fetched(here, transport, 'ending')
    expect(attempts).toEqual(['1 http-404', '2 http-404', '3 http-404', '1 http-404'])
  })
})

describe('silent addresses', () => {
  test('are remembered for an hour, and the last thousand of them', async () => {
    const clock = new SimulatedClock(NOW)
    const addresses = new SilentAddresses(clock)
    addresses.add('first')
    await clock.advance(durationMs(HOUR_MS - SECOND_MS))
    expect([addresses.has('first'), addresses.has('second')]).toEqual([true, false])
    await clock.advance(durationMs(SECOND_MS))
    expect(addresses.has('first')).toBe(false)
    for (let i = 0; i <= 1_000; i++) addresses.add(String(i))
    expect(['0', '1', '1000'].map((address) => addresses.has(address))).toEqual([false, true, true])
  })
})
