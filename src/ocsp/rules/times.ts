import {
  DAY_MS,
  type DurationMs,
  durationMs,
  type EpochMs,
  iso,
  MINUTE_MS,
} from '../../der/time.ts'
import { allBut, clientNames, clientsOutside } from '../clients.ts'
import { always, onBasic, onSingle, type Rule } from '../rule.ts'

export const thisUpdateInFuture: Rule = {
  name: 'this-update-in-future',
  meaning:
    'The response is valid only from later on; clients that allow no skew refuse it until then.',
  reference: 'RFC 6960 §3.2 (5); BoringSSL, Go and wolfSSL allow no skew',
  rejectedBy: allBut('gnutls'),
  remedy: 'back-off',
  check: onSingle(({ thisUpdate }, { now }) =>
    thisUpdate > now
      ? {
          saw: `thisUpdate ${iso(thisUpdate)}, ${spell(thisUpdate - now)} ahead of ${iso(now)}`,
          required: 'a thisUpdate not after now',
          rejectedBy: clientsOutside(({ futureSkew }) => thisUpdate - now <= futureSkew),
        }
      : undefined,
  ),
}

export const nextUpdateMissing: Rule = {
  name: 'next-update-missing',
  meaning:
    'The response does not say until when it holds; clients differ in how soon they call it old.',
  reference: 'RFC 9919 §3.2.4; HAProxy, OpenJDK',
  rejectedBy: ['mozpkix', 'boringssl', 'gnutls', 'go', 'openjdk', 'haproxy'],
  refusedBy: always,
  remedy: 'fatal',
  check: onSingle(({ thisUpdate, nextUpdate }, { now }) =>
    nextUpdate === undefined
      ? {
          saw: `thisUpdate ${iso(thisUpdate)}, no nextUpdate`,
          required: 'a nextUpdate',
          rejectedBy: clientsOutside(
            ({ maxAgeWithoutNextUpdate: limit, pastSkew, maxAge }) =>
              limit > 0 && now <= thisUpdate + Math.min(limit, maxAge) + pastSkew,
          ),
        }
      : undefined,
  ),
}

export const nextUpdateNotAfterThisUpdate: Rule = {
  name: 'next-update-not-after-this-update',
  meaning: 'The period of validity ends before it begins, as when a responder’s clone has stopped.',
  reference: 'RFC 6960 §4.2.2.1',
  rejectedBy: allBut('openjdk'),
  refusedBy: always,
  remedy: 'other-connection',
  check: onSingle(({ thisUpdate, nextUpdate }) =>
    nextUpdate !== undefined && nextUpdate <= thisUpdate
      ? {
          saw: `thisUpdate ${iso(thisUpdate)}, nextUpdate ${iso(nextUpdate)}`,
          required: 'a nextUpdate after thisUpdate',
        }
      : undefined,
  ),
}

export const nextUpdatePassed: Rule = {
  name: 'next-update-passed',
  meaning: 'The response has expired.',
  reference: 'RFC 6960 §3.2 (6); BoringSSL, GnuTLS, Go and wolfSSL allow no skew',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'other-connection',
  check: onSingle(({ nextUpdate }, { now }) =>
    nextUpdate !== undefined && nextUpdate <= now
      ? {
          saw: `nextUpdate ${iso(nextUpdate)}, ${spell(now - nextUpdate)} before ${iso(now)}`,
          required: 'a nextUpdate after now',
          rejectedBy: clientsOutside(({ pastSkew }) => now - nextUpdate < pastSkew),
        }
      : undefined,
  ),
}

export const thisUpdateTooOld: Rule = {
  name: 'this-update-too-old',
  meaning: 'Browsers take no response older than a week or so, whatever its nextUpdate says.',
  reference: 'Chromium kMaxRevocationLeafUpdateAge (7 d), NSS (10 d)',
  rejectedBy: ['mozpkix', 'boringssl'],
  remedy: 'other-connection',
  check: onSingle(({ thisUpdate, nextUpdate }, { now }) => {
    if (nextUpdate === undefined || now - thisUpdate < OLDEST_ANYWHERE) return undefined
    return {
      saw: `thisUpdate ${iso(thisUpdate)}, ${spell(now - thisUpdate)} ago`,
      required: 'a thisUpdate of the last 7 days',
      rejectedBy: clientsOutside(({ maxAge, pastSkew }) => now - thisUpdate < maxAge + pastSkew),
    }
  }),
}

export const producedOutsideCertificateValidity: Rule = {
  name: 'produced-outside-certificate-validity',
  meaning: 'The response was made before the certificate’s validity began, or after it ended.',
  reference: 'BoringSSL CheckOCSP',
  rejectedBy: ['boringssl'],
  remedy: 'back-off',
  check: onBasic(({ producedAt }, { certificate }) =>
    certificate !== undefined &&
    (producedAt < certificate.notBefore || producedAt > certificate.notAfter)
      ? {
          saw: `producedAt ${iso(producedAt)}`,
          required: `between notBefore ${iso(certificate.notBefore)} and notAfter ${iso(certificate.notAfter)}`,
        }
      : undefined,
  ),
}

export const certificateExpired: Rule = {
  name: 'certificate-expired',
  meaning: 'The certificate itself has expired, so no response about it helps.',
  reference: 'RFC 5280 §4.1.2.5',
  rejectedBy: clientNames,
  refusedBy: always,
  remedy: 'fatal',
  check: onSingle((_single, { certificate, now }) =>
    certificate !== undefined && certificate.notAfter <= now
      ? {
          saw: `notAfter ${iso(certificate.notAfter)}`,
          required: 'a certificate that is valid now',
        }
      : undefined,
  ),
}

export const usableTimeOver: Rule = {
  name: 'usable-time-over',
  meaning: 'The response still holds, but for so short a time that it is no longer handed out.',
  reference: 'usableUntil, docs/architecture.md',
  rejectedBy: [],
  otherwise: 'warn',
  remedy: 'other-connection',
  check: ({ usableUntil: until, single, now }) => {
    if (until === undefined || single?.nextUpdate === undefined) return undefined
    return until <= now && now < single.nextUpdate
      ? {
          saw: `usable until ${iso(until)}, nextUpdate ${iso(single.nextUpdate)}`,
          required: 'usable time left',
        }
      : undefined
  },
}

export const renewedLate: Rule = {
  name: 'renewed-late',
  meaning:
    'The CA lets its responses grow older than it may, as when a part of it no longer renews.',
  reference: 'CA/B BR 4.9.10: a new one within 4 days',
  rejectedBy: [],
  otherwise: 'info',
  remedy: 'diagnose',
  check: onSingle(({ thisUpdate, nextUpdate }, { now }) =>
    nextUpdate !== undefined && now < nextUpdate && now - thisUpdate > LATEST_RENEWAL
      ? {
          saw: `thisUpdate ${iso(thisUpdate)}, ${spell(now - thisUpdate)} ago`,
          required: 'a response of the last 4 days',
        }
      : undefined,
  ),
}

export const validityVeryShort: Rule = {
  name: 'validity-very-short',
  meaning:
    'Less than ten minutes of validity leave no time to refresh; HAProxy drops the last five.',
  reference: 'HAProxy OCSP_MAX_RESPONSE_TIME_SKEW; CA/B BR 4.9.10',
  rejectedBy: [],
  remedy: 'diagnose',
  check: onSingle(({ thisUpdate, nextUpdate }) =>
    isBetween(thisUpdate, nextUpdate, 0, 10 * MINUTE_MS)
      ? { saw: validity(thisUpdate, nextUpdate), required: 'ten minutes or more' }
      : undefined,
  ),
}

export const validityOverTenDays: Rule = {
  name: 'validity-over-ten-days',
  meaning: 'The CA promises more than browsers take: they count seven or ten days from thisUpdate.',
  reference: 'CA/B BR 4.9.10',
  rejectedBy: [],
  otherwise: 'info',
  remedy: 'diagnose',
  check: onSingle(({ thisUpdate, nextUpdate }) =>
    isBetween(thisUpdate, nextUpdate, 10 * DAY_MS + 1, Number.POSITIVE_INFINITY)
      ? { saw: validity(thisUpdate, nextUpdate), required: 'at most 10 days' }
      : undefined,
  ),
}

function isBetween(
  thisUpdate: EpochMs,
  nextUpdate: EpochMs | undefined,
  least: number,
  most: number,
): boolean {
  if (nextUpdate === undefined) return false
  return nextUpdate - thisUpdate > least && nextUpdate - thisUpdate < most
}

function validity(thisUpdate: EpochMs, nextUpdate: EpochMs | undefined): string {
  return `a validity of ${spell((nextUpdate ?? thisUpdate) - thisUpdate)}`
}

/** A length of time for a sentence: `3d 4h`, `12m 5s`. */
function spell(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const
  const shown = parts.filter(([count]) => count > 0).slice(0, 2)
  return shown.length === 0 ? '0s' : shown.map(([count, unit]) => `${count}${unit}`).join(' ')
}

const OLDEST_ANYWHERE = durationMs(7 * DAY_MS)
/** After this a publicly trusted CA must have a newer one (CA/B BR 4.9.10). */
export const LATEST_RENEWAL: DurationMs = durationMs(4 * DAY_MS)
