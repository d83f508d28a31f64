import { type DurationMs, type EpochMs, plus } from '../../der/time.ts'
import { type Exchange, type Fault, honest } from './fault.ts'

/** The fault where `applies` says so, else `otherwise`: what all the others here are made of. */
export function when(
  applies: (exchange: Exchange) => boolean,
  fault: Fault,
  otherwise: Fault = honest,
): Fault {
  return (exchange) => (applies(exchange) ? fault(exchange) : otherwise(exchange))
}

/** The fault in every n-th request. */
export function everyNth(n: number, fault: Fault, otherwise?: Fault): Fault {
  return when(({ request }) => request.number % n === 0, fault, otherwise)
}

/** The faults in turn, one a request. */
export function alternating(...faults: readonly [Fault, ...Fault[]]): Fault {
  const [first] = faults
  return (exchange) => (faults[(exchange.request.number - 1) % faults.length] ?? first)(exchange)
}

/** The fault for one method only, as responders that refuse GET. */
export function onMethod(method: 'GET' | 'POST', fault: Fault, otherwise?: Fault): Fault {
  return when(({ request }) => request.method === method, fault, otherwise)
}

/** The fault at one address only of those that the responder listens on, as an edge of a delivery network that is left behind. */
export function onAddress(address: string, fault: Fault, otherwise?: Fault): Fault {
  return when(({ request }) => request.localAddress === address, fault, otherwise)
}

/**
 * The fault over the first connection and every n-th after it, as behind a load balancer that gives each connection to the next of n
 * backends of which one is bad.
 */
export function oneBackendOf(n: number, fault: Fault, otherwise?: Fault): Fault {
  return when(({ request }) => request.connection % n === 1, fault, otherwise)
}

/** The fault for this long from the first request about the same certificate on: the responder is slow to learn. */
export function firstFor(duration: DurationMs, fault: Fault, otherwise?: Fault): Fault {
  return when(
    ({ request: { at, firstAskedAt } }) => at < plus(firstAskedAt, duration),
    fault,
    otherwise,
  )
}

/** The fault for this long from the start of the responder on: an outage. */
export function sinceStartFor(duration: DurationMs, fault: Fault, otherwise?: Fault): Fault {
  return when(({ request: { at }, startedAt }) => at < plus(startedAt, duration), fault, otherwise)
}

/** The fault until a time, as by the responder's clock. */
export function until(end: EpochMs, fault: Fault, otherwise?: Fault): Fault {
  return when(({ request }) => request.at < end, fault, otherwise)
}

/** The fault where the responder is asked for a serial number like that. */
export function onSerialNumber(
  applies: (serialNumber: Uint8Array) => boolean,
  fault: Fault,
  otherwise?: Fault,
): Fault {
  return when(
    ({ request }) => request.serialNumbers.some((hex) => applies(Buffer.from(hex, 'hex'))),
    fault,
    otherwise,
  )
}
