import { DAY_MS, type DurationMs, durationMs, HOUR_MS, MINUTE_MS } from '../der/time.ts'

/** The implementations whose acceptance is modelled; names as in `explain --json` and `policy.clients`. */
export const clientNames = [
  'mozpkix',
  'boringssl',
  'openssl',
  'curl',
  'gnutls',
  'go',
  'openjdk',
  'wolfssl',
  'nginx',
  'haproxy',
] as const

export type ClientName = (typeof clientNames)[number]

/** The numbers in which clients differ. An absent limit is not checked by that client. */
export interface ClientLimits {
  /** How far thisUpdate may lie in the future. */
  readonly futureSkew: DurationMs
  /** How long after nextUpdate, or after the greatest age, a response is still taken. */
  readonly pastSkew: DurationMs
  /** Greatest age, counted from thisUpdate, whatever nextUpdate says. */
  readonly maxAge: DurationMs
  /** Greatest age of a response without nextUpdate; 0 where such a response is never taken. */
  readonly maxAgeWithoutNextUpdate: DurationMs
  readonly maxSizeBytes: number
}

const NONE = durationMs(0)
const UNLIMITED = durationMs(Number.POSITIVE_INFINITY)
const OPENSSL_SKEW = durationMs(300_000)

/** Read in each client's source, then observed on 181 responses; constants and versions in docs/clients.md. */
export const clientLimits: { readonly [client in ClientName]: ClientLimits } = {
  // NSS: 24 h slop both ways, ten days at most, 24 h where nextUpdate is missing.
  mozpkix: {
    futureSkew: durationMs(24 * HOUR_MS),
    pastSkew: durationMs(24 * HOUR_MS),
    maxAge: durationMs(10 * DAY_MS),
    maxAgeWithoutNextUpdate: durationMs(24 * HOUR_MS),
    maxSizeBytes: 65_535,
  },
  // Chromium sets kMaxRevocationLeafUpdateAge to seven days and allows no skew.
  boringssl: {
    futureSkew: NONE,
    pastSkew: NONE,
    maxAge: durationMs(7 * DAY_MS),
    maxAgeWithoutNextUpdate: UNLIMITED,
    maxSizeBytes: UNLIMITED,
  },
  openssl: {
    futureSkew: OPENSSL_SKEW,
    pastSkew: OPENSSL_SKEW,
    maxAge: UNLIMITED,
    maxAgeWithoutNextUpdate: UNLIMITED,
    maxSizeBytes: UNLIMITED,
  },
  // As OpenSSL, through a TLS handshake.
  curl: {
    futureSkew: OPENSSL_SKEW,
    pastSkew: OPENSSL_SKEW,
    maxAge: UNLIMITED,
    maxAgeWithoutNextUpdate: UNLIMITED,
    maxSizeBytes: 65_535,
  },
  // GnuTLS never looks whether thisUpdate is in the future; MAX_OCSP_VALIDITY_SECS is 15 days.
  gnutls: {
    futureSkew: UNLIMITED,
    pastSkew: NONE,
    maxAge: UNLIMITED,
    maxAgeWithoutNextUpdate: durationMs(15 * DAY_MS),
    maxSizeBytes: 65_535,
  },
  // The library judges no time; a caller that asks "good and in date" finds a missing nextUpdate (year 1) passed.
  go: {
    futureSkew: NONE,
    pastSkew: NONE,
    maxAge: UNLIMITED,
    maxAgeWithoutNextUpdate: NONE,
    maxSizeBytes: UNLIMITED,
  },
  // com.sun.security.ocsp.clockSkew; a missing nextUpdate counts as equal to thisUpdate.
  openjdk: {
    futureSkew: durationMs(15 * MINUTE_MS),
    pastSkew: durationMs(15 * MINUTE_MS),
    maxAge: UNLIMITED,
    maxAgeWithoutNextUpdate: durationMs(1),
    maxSizeBytes: UNLIMITED,
  },
  // MAX_HANDSHAKE_SZ; in TLS 1.3 the chain shares it.
  wolfssl: {
    futureSkew: NONE,
    pastSkew: NONE,
    maxAge: UNLIMITED,
    maxAgeWithoutNextUpdate: UNLIMITED,
    maxSizeBytes: 18_462,
  },
  // Buffer of 16,384 bytes with the HTTP headers inside; a body of 16,000 failed.
  nginx: {
    futureSkew: OPENSSL_SKEW,
    pastSkew: NONE,
    maxAge: UNLIMITED,
    maxAgeWithoutNextUpdate: UNLIMITED,
    maxSizeBytes: 15_999,
  },
  haproxy: {
    futureSkew: OPENSSL_SKEW,
    pastSkew: OPENSSL_SKEW,
    maxAge: UNLIMITED,
    maxAgeWithoutNextUpdate: NONE,
    maxSizeBytes: 15_999,
  },
}

/** Every modelled client except these. */
export function allBut(...accepting: readonly ClientName[]): readonly ClientName[] {
  return clientNames.filter((client) => !accepting.includes(client))
}

/** The clients whose limits do not hold what `within` asks. */
export function clientsOutside(within: (limits: ClientLimits) => boolean): readonly ClientName[] {
  return clientNames.filter((client) => !within(clientLimits[client]))
}
