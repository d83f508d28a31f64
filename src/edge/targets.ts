import { type DurationMs, durationMs, type EpochMs, iso } from '../der/time.ts'
import { SHA1 } from '../ocsp/request.ts'
import { parseResponse } from '../ocsp/response.ts'
import type { CertStatus } from '../ocsp/verdict.ts'

/** The servers whose ways are known, as `outputs[].server` names them. */
export const serverNames = [
  'nginx',
  'apache',
  'haproxy',
  'lighttpd',
  'hitch',
  'exim',
  'dnsdist',
  'trafficserver',
] as const

export type ServerName = (typeof serverNames)[number]

/** How a staple comes to a server. */
export type Way = 'file' | 'socket'

/** What servers look at in a response, or stumble over. */
export interface StapleFacts {
  readonly sizeBytes: number
  readonly singleResponses: number
  /** Of the CertID: `sha1`, or the OID in dotted form. */
  readonly certIDHash: string
  readonly nextUpdate: EpochMs | undefined
  readonly status: CertStatus
}

/** What a server does with the staples that it is given. */
export interface Target {
  /** Largest response that it takes, by the way that it comes. */
  readonly maxSizeBytes: Readonly<Record<Way, number>>
  /** It staples nothing from so long before nextUpdate on, and needs a nextUpdate for that. */
  readonly leastLeft: DurationMs
  /** It looks the CertID up by SHA-1. */
  readonly certID: 'sha1' | 'any'
  readonly singleResponses: 'one' | 'any'
  readonly nextUpdate: 'required' | 'optional'
  readonly statuses: readonly CertStatus[]
  /** Whether it goes on stapling what has expired, until it reads the file again. */
  readonly staples: 'for-ever' | 'while-valid'
  /** When it sees that a file has changed. */
  readonly reads: 'at-reload' | 'near-nextUpdate' | 'by-itself'
  /** What a file belongs to: one certificate, or a server block with all of its certificates. */
  readonly fileIsFor: 'certificate' | 'server-block'
  /** What stands in a file while there is no staple. */
  readonly absent: 'no-file' | 'empty' | 'try-later'
}

const CAREFREE: Omit<Target, 'maxSizeBytes'> = {
  leastLeft: durationMs(0),
  certID: 'any',
  singleResponses: 'any',
  nextUpdate: 'optional',
  statuses: ['good', 'revoked', 'unknown'],
  staples: 'while-valid',
  reads: 'by-itself',
  fileIsFor: 'certificate',
  absent: 'no-file',
}

/** What is known of each server; where from, in docs/configuration.md and beside the value. */
export const targets: { readonly [server in ServerName]: Target } = {
  // A file is only parsed, and stapled until the next reload. A missing or empty one is [emerg]: nginx neither starts nor reloads, with
  // all of its sites. A response tryLater it takes (1.22.1); clients see it as no staple.
  nginx: target({
    maxSizeBytes: 16_384, // of what it fetches itself: NGX_SSL_OCSP response buffer
    staples: 'for-ever',
    reads: 'at-reload',
    fileIsFor: 'server-block',
    absent: 'try-later',
  }),
  // MAX_STAPLING_DER, one octet of which is a flag. It reads no files by itself.
  apache: target({ maxSizeBytes: 10_239, certID: 'sha1' }),
  // Seen with 2.6.12: a command has to fit into tune.bufsize, 16,384; above 12,100 bytes of DER it resets the connection, or says nothing.
  haproxy: target({
    maxSizeBytes: { file: Number.POSITIVE_INFINITY, socket: 12_000 },
    leastLeft: durationMs(300_000), // OCSP_MAX_RESPONSE_TIME_SKEW
    certID: 'sha1',
    singleResponses: 'one',
    nextUpdate: 'required',
    statuses: ['good', 'revoked'],
    reads: 'at-reload',
    absent: 'empty',
  }),
  // Looks at the file again only within 256 s of the nextUpdate that it holds (1.4.69, mod_openssl.c).
  lighttpd: target({ reads: 'near-nextUpdate' }),
  hitch: target({ certID: 'sha1', statuses: ['good'] }),
  exim: target({ statuses: ['good'] }),
  dnsdist: target({
    singleResponses: 'one',
    nextUpdate: 'required',
    statuses: ['good'],
    staples: 'for-ever',
    reads: 'at-reload',
  }),
  // MAX_STAPLING_DER. What was read from a file passes its look at the time.
  trafficserver: target({ maxSizeBytes: 10_240, staples: 'for-ever', reads: 'at-reload' }),
}

/** Why a server would mishandle a staple at `now`; `undefined` where it would not. */
export function whyMishandled(
  server: ServerName,
  facts: StapleFacts,
  { now, way }: { readonly now: EpochMs; readonly way: Way },
): string | undefined {
  const { maxSizeBytes, leastLeft, certID, singleResponses, nextUpdate, statuses } = targets[server]
  if (facts.sizeBytes > maxSizeBytes[way]) {
    return `${server} takes ${maxSizeBytes[way]} bytes by ${way}, the staple has ${facts.sizeBytes}`
  }
  if (singleResponses === 'one' && facts.singleResponses !== 1) {
    return `${server} takes one SingleResponse, the staple has ${facts.singleResponses}`
  }
  if (certID === 'sha1' && facts.certIDHash !== 'sha1') {
    return `${server} knows a CertID by SHA-1 only, the staple's has ${facts.certIDHash}`
  }
  if (!statuses.includes(facts.status)) {
    return `${server} takes ${statuses.join(' and ')}, the staple says ${facts.status}`
  }
  if (facts.nextUpdate === undefined) {
    return nextUpdate === 'required' ? `${server} requires a nextUpdate` : undefined
  }
  if (leastLeft > 0 && facts.nextUpdate - now <= leastLeft) {
    return `${server} drops a staple ${leastLeft / 1000} s before its nextUpdate, ${iso(facts.nextUpdate)}`
  }
  return undefined
}

/** What servers look at in a response; `undefined` for bytes that are none. */
export function stapleFacts(der: Uint8Array): StapleFacts | undefined {
  const response = parseResponse(der)
  if ('kind' in response || response.basic === undefined) return undefined
  const [first, ...more] = response.basic.responses
  if (first === undefined) return undefined
  const { oid } = first.hashAlgorithm
  return {
    sizeBytes: der.length,
    singleResponses: 1 + more.length,
    certIDHash: oid === SHA1 ? 'sha1' : oid,
    nextUpdate: first.nextUpdate,
    status: first.certStatus.status,
  }
}

function target(
  known: Partial<Omit<Target, 'maxSizeBytes'>> & {
    readonly maxSizeBytes?: number | Target['maxSizeBytes']
  },
): Target {
  const { maxSizeBytes: size = Number.POSITIVE_INFINITY } = known
  const maxSizeBytes = typeof size === 'number' ? { file: size, socket: size } : size
  return { ...CAREFREE, ...known, maxSizeBytes }
}
