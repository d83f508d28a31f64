import { DAY_MS, HOUR_MS } from '../../der/time.ts'
import {
  body,
  html,
  httpError,
  malformedRequest,
  reset,
  unauthorized,
  validFor,
} from './answers.ts'
import { oneBackendOf, onMethod, onSerialNumber, when } from './combine.ts'
import type { Exchange, Fault } from './fault.ts'
import { bugzilla, type Misbehaviour } from './misbehaviour.ts'

/** What goes wrong between client and CA: delivery networks, load balancers, proxies. */
export const overHttp: readonly Misbehaviour[] = [
  {
    name: 'body-of-one-byte',
    number: 1,
    source: bugzilla(1577014, 'DigiCert'),
    wire: 'one backend of two: 200, Content-Length 1',
    expected: 'immediate',
    fault: oneBackendOf(2, body(Uint8Array.of(0x30))),
  },
  {
    name: 'body-empty-by-get',
    number: 2,
    source: 'letsencrypt/boulder#884',
    wire: 'GET: 200, no bytes',
    expected: 'immediate',
    fault: onMethod('GET', body(Uint8Array.of())),
  },
  {
    name: 'path-normalised',
    number: 3,
    source: 'community.letsencrypt.org/t/34922; letsencrypt/boulder#2728, #2748, #2774',
    wire: 'GET: 400 with malformedRequest where the base64 has //, which the network made / of',
    expected: 'immediate',
    fault: when(hasTwoSlashes, badRequest()),
    leaf: () => ({ serialNumber: serialNumber(3) }),
  },
  {
    name: 'path-encoded-twice',
    number: 4,
    source: 'PSPKI#98',
    wire: 'GET: malformedRequest where the base64 has a character that is percent-encoded',
    expected: 'immediate',
    fault: when(({ request }) => request.path.includes('%'), malformedRequest),
    leaf: () => ({ serialNumber: serialNumber(4) }),
  },
  {
    name: 'get-not-allowed',
    number: 5,
    source: 'letsencrypt/boulder#798',
    wire: 'GET: 405',
    expected: 'immediate',
    fault: onMethod('GET', httpError(405, { allow: 'POST' })),
  },
  {
    name: 'host-required',
    number: 6,
    source: 'DigiCert, "Prepare for OCSP infrastructure upgrade"',
    wire: 'without Host: unauthorized',
    expected: 'accept',
    fault: when(({ request }) => request.headers['host'] === undefined, unauthorized),
  },
  {
    name: 'http-1.1-and-path-required',
    number: 7,
    source: 'mod_gnutls PR#4',
    wire: 'HTTP/1.0, or a request target that does not begin with a slash: 400',
    expected: 'accept',
    fault: when(
      ({ request }) => request.httpVersion !== '1.1' || !request.path.startsWith('/'),
      httpError(400),
    ),
  },
  {
    name: 'not-found-for-some-serial-numbers',
    number: 16,
    source: bugzilla(1773556, 'Google Trust Services'),
    wire: 'one backend of two: 404 for serial numbers that begin with 0x40 or more',
    expected: 'immediate',
    fault: oneBackendOf(
      2,
      onSerialNumber(([first = 0]) => first >= 0x40, httpError(404)),
    ),
    leaf: () => ({ serialNumber: serialNumber(16) }),
  },
  {
    name: 'region-not-updated',
    number: 17,
    source: bugzilla(1816806, 'DigiCert'),
    wire: 'one backend of two: a response that expired three weeks ago',
    expected: 'immediate',
    fault: oneBackendOf(2, validFor(-28 * DAY_MS, -21 * DAY_MS)),
  },
  {
    name: 'cache-outdated',
    number: 39,
    source: 'xipki#140',
    wire: 'an expired response, unless asked with Cache-Control: no-cache',
    expected: 'immediate',
    fault: when(({ request }) => !isNoCache(request.headers), validFor(-2 * DAY_MS, -HOUR_MS)),
  },
  {
    name: 'page-for-people',
    number: 40,
    source: 'dotnet/runtime#89907, #89908',
    wire: 'one backend of two: 200 with text/html',
    expected: 'immediate',
    fault: oneBackendOf(2, html),
  },
  {
    name: 'service-unavailable',
    number: 42,
    source: 'haproxy#2938',
    wire: 'one backend of two: 503',
    expected: 'immediate',
    fault: oneBackendOf(2, httpError(503)),
  },
  {
    name: 'connection-reset',
    number: 42,
    source: 'haproxy#2938',
    wire: 'one backend of two: the connection is reset',
    expected: 'immediate',
    fault: oneBackendOf(2, reset),
  },
  {
    name: 'responder-shut-down',
    number: 44,
    source: 'Let’s Encrypt, August 2025; Google Trust Services, 2025; HARICA, March 2026',
    wire: '404 to everything',
    expected: 'back-off',
    eventually: 'fatal',
    fault: httpError(404),
  },
]

/**
 * A serial number whose base64 has two slashes in a row, and a percent sign once encoded, wherever in the request it stands: three octets
 * 0xFF that begin at a multiple of three are `////`.
 */
function serialNumber(last: number): Uint8Array {
  return Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x11, last)
}

function hasTwoSlashes({ request: { method, path } }: Exchange): boolean {
  return method === 'GET' && decodeURIComponent(path.slice(1)).includes('//')
}

function badRequest(): Fault {
  return async (exchange) => {
    const answer = await malformedRequest(exchange)
    return typeof answer === 'string' ? answer : { ...answer, statusCode: 400 }
  }
}

function isNoCache({
  'cache-control': cacheControl,
  pragma,
}: Exchange['request']['headers']): boolean {
  return [cacheControl, pragma].flat().some((value) => value?.includes('no-cache'))
}
