import type { DeliveryEvents } from './alerts/deliveries.ts'
import type { SourceProblem } from './certificates/source.ts'
import { durationMs, type EpochMs, iso } from './der/time.ts'
import type { CentreEvents } from './edge/agent/centre-follower.ts'
import type { OffersOptions } from './edge/agent/offer.ts'
import type { HaproxySocketEvents } from './edge/outputs/haproxy-socket.ts'
import type { ReloadEvents } from './edge/reload.ts'
import type { ServerOutputEvents } from './edge/server-output.ts'
import { alertEvents } from './events/alert-events.ts'
import { edgeEvents } from './events/edge-events.ts'
import { listenerEvents } from './events/listener-events.ts'
import { serverEvents } from './events/server-events.ts'
import { storeEvents } from './events/store-events.ts'
import type { Finding } from './ocsp/verdict.ts'
import type { ServerWatchEvents } from './probe/server-watch.ts'
import type { CrawlerEvents } from './refresh/crawler.ts'
import { type IntakeChanges, isGiven } from './refresh/intake.ts'
import type { IssuerSearchEvents } from './refresh/issuer-search.ts'
import type { EdgeWatchEvents } from './serve/edge-watch.ts'
import type { RequestEvents } from './serve/ocsp-exchange.ts'
import type { OwnCertificateEvents } from './serve/own-certificate.ts'
import type { CertificateRecord, Coverage, Schedule } from './store/store.ts'
import type { VerifiedStaplesEvents } from './store/verified-staples.ts'
import { type Clock, systemClock } from './time/clock.ts'
import { formatDuration } from './time/duration.ts'

/** Writes one log line: `message` for people, `fields` for machines. Never throws. */
export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void

/** Every thing that happens, one function each: the only place where log lines are worded. */
export type Events = CrawlerEvents &
  Omit<CentreEvents, 'notManaged'> &
  OffersOptions['events'] &
  IssuerSearchEvents &
  VerifiedStaplesEvents &
  RequestEvents &
  OwnCertificateEvents &
  ServerOutputEvents &
  ServerWatchEvents &
  EdgeWatchEvents &
  DeliveryEvents & {
    /** Certificates of this edge that the centre does not manage; `isOffered`: they are offered to it. */
    notManaged(event: {
      readonly certificates: readonly CertificateRecord[]
      readonly isOffered: boolean
    }): void
    /** The centre did not take a report of this edge; all is told again a minute later. */
    reportFailed(event: { readonly problem: string }): void
    serviceStarted(event: {
      readonly url: string
      readonly ocspUrl?: string | undefined
      readonly data: string
    }): void
    serviceStopped(): void
    /** A write has come through, the first one after `storeFailed`. */
    storeWorks(): void
    configReloaded(): void
    configRefused(event: { readonly problems: string }): void
    certificatesChanged(changes: IntakeChanges): void
    sourceProblem(problem: SourceProblem): void
    summary(event: { readonly coverage: Coverage; readonly next: EpochMs | undefined }): void
  }

/** The events of the service, written to `log`. */
export function createEvents(log: Log, clock: Pick<Clock, 'monotonic'> = systemClock): Events {
  return {
    ...serviceEvents(log),
    ...storeEvents(log, clock),
    ...fetchEvents(log),
    ...responderEvents(log),
    ...outputEvents(log),
    ...centreEvents(log),
    ...serverEvents(log),
    ...edgeEvents(log),
    ...listenerEvents(log),
    ...alertEvents(log),
  }
}

function serviceEvents(
  log: Log,
): Pick<
  Events,
  | 'serviceStarted'
  | 'serviceStopped'
  | 'configReloaded'
  | 'configRefused'
  | 'certificatesChanged'
  | 'sourceProblem'
  | 'summary'
  | 'requestFailed'
> {
  return {
    serviceStarted({ url, ocspUrl, data }) {
      const also = ocspUrl === undefined ? '' : `, OCSP alone on ${ocspUrl}`
      const message = `serving on ${url}${also}, data in ${data}`
      log('info', message, { event: 'serviceStarted', url, ocspUrl, data })
    },
    serviceStopped() {
      log('info', 'stopped', { event: 'serviceStopped' })
    },
    configReloaded() {
      log('info', 'configuration read again', { event: 'configReloaded' })
    },
    configRefused({ problems }) {
      const message = `configuration refused, the former one stays in force: ${problems}`
      log('error', message, { event: 'configRefused', problems })
    },
    certificatesChanged({ put, added, removed }) {
      const news = new Set(added)
      for (const certificate of put) {
        const what = news.has(certificate) ? 'found' : 'changed'
        const level = certificate.classification === 'issuer-missing' ? 'warn' : 'info'
        const message = `${certificate.name}: ${what}, ${describeClass(certificate)}`
        log(level, message, { event: 'certificateFound', ...identify(certificate) })
      }
      for (const certificate of removed) {
        const why = isGiven(certificate.sources) ? '' : 'gone from its files, '
        const message = `${certificate.name}: ${why}no longer managed`
        log('info', message, { event: 'certificateRemoved', ...identify(certificate) })
      }
    },
    sourceProblem({ path, problem }) {
      log('warn', `${path}: ${problem}`, { event: 'sourceProblem', path, problem })
    },
    summary({ coverage: { managed, stapled, missing }, next }) {
      const more = managed - stapled - missing.length
      const names = more > 0 ? [...missing, `${more} more`] : missing
      const without = names.length === 0 ? '' : `, without: ${names.join(', ')}`
      const due = next === undefined ? '' : `, next fetch ${iso(next)}`
      const share =
        managed === 0
          ? 'no certificate can have a staple'
          : `${stapled} of ${managed} certificates have a staple`
      const message = share + without + due
      log(stapled < managed ? 'warn' : 'info', message, {
        event: 'summary',
        managed,
        stapled,
        missing,
      })
    },
    requestFailed({ url, error }) {
      const message = `request ${url}: ${textOf(error)}`
      log('error', message, { event: 'requestFailed', url, error: textOf(error) })
    },
  }
}

function fetchEvents(
  log: Log,
): Pick<
  Events,
  | 'stapleStored'
  | 'stapleUnchanged'
  | 'fetchFailed'
  | 'certificateRevoked'
  | 'issuerFound'
  | 'issuerNotFound'
  | 'stapleRefused'
> {
  return {
    stapleStored({ certificate, staple, next, bytesSaved }) {
      const mended = bytesSaved > 0 ? `, ${bytesSaved} bytes smaller than sent` : ''
      const message = `${certificate.name}: staple until ${iso(staple.usableUntil)} from ${staple.url}${mended}; ${nextFetch(next)}`
      log('info', message, {
        event: 'stapleStored',
        ...identify(certificate),
        thisUpdate: iso(staple.thisUpdate),
        nextUpdate: iso(staple.nextUpdate),
        usableUntil: iso(staple.usableUntil),
        url: staple.url,
        bytesSaved,
        nextFetch: iso(next.dueAt),
      })
    },
    stapleUnchanged({ certificate, next }) {
      const message = `${certificate.name}: the CA has nothing newer; ${nextFetch(next)}`
      log('info', message, { event: 'stapleUnchanged', ...identify(certificate), ...when(next) })
    },
    fetchFailed({ certificate, problem, next, coveredUntil }) {
      const cover =
        coveredUntil === undefined
          ? 'it has NO staple'
          : `the staple in hand lasts until ${iso(coveredUntil)}`
      const message = `${certificate.name}: ${problem}; ${cover}; ${nextFetch(next)}`
      log(coveredUntil === undefined ? 'error' : 'warn', message, {
        event: 'fetchFailed',
        ...identify(certificate),
        problem,
        ...when(next),
        coveredUntil: coveredUntil === undefined ? null : iso(coveredUntil),
      })
    },
    certificateRevoked({ certificate, problem }) {
      const message = `${certificate.name}: REVOKED by its CA (${problem}); replace the certificate`
      log('error', message, { event: 'certificateRevoked', ...identify(certificate), problem })
    },
    issuerFound({ certificate, url }) {
      const message = `${certificate.name}: its issuer comes from ${url}`
      log('info', message, { event: 'issuerFound', ...identify(certificate), url })
    },
    issuerNotFound({ certificate, problem, retryIn }) {
      const message = `${certificate.name}: its issuer is not known: ${problem}; put the issuer's certificate beside it, or wait ${formatDuration(retryIn)}`
      log('warn', message, { event: 'issuerNotFound', ...identify(certificate), problem })
    },
    stapleRefused({ id, findings }) {
      const message = `stored staple of ${id} is no longer acceptable: ${describeFindings(findings)}`
      log('warn', message, { event: 'stapleRefused', id, findings })
    },
  }
}

function responderEvents(
  log: Log,
): Pick<Events, 'staleEdge' | 'responderAway' | 'responderBack' | 'clockDiffers'> {
  return {
    staleEdge({ certificate, remoteAddress = 'its cache', thisUpdate, held }) {
      const message = `${certificate.name}: ${remoteAddress} of ${certificate.responder} gives a response of ${iso(thisUpdate)}, older than the one in hand of ${iso(held)}, which is kept`
      log('warn', message, { event: 'staleEdge', ...identify(certificate), remoteAddress })
    },
    responderAway({ responder }) {
      const message = `${responder}: nothing but trouble, it is only probed until it answers; staples in hand last`
      log('warn', message, { event: 'responderAway', responder })
    },
    responderBack({ responder, after }) {
      const message = `${responder}: answers again, after ${formatDuration(after)}`
      log('info', message, { event: 'responderBack', responder, after })
    },
    clockDiffers({ ahead, responders }) {
      const by = formatDuration(durationMs(Math.abs(ahead)))
      const message = `THE CLOCK OF THIS MACHINE is ${by} ${ahead > 0 ? 'ahead of' : 'behind'} that of ${responders === 1 ? 'the responder' : `${responders} responders`}: clients may refuse staples that look good here; set it right, as by NTP`
      log('error', message, { event: 'clockDiffers', ahead, responders })
    },
  }
}

function centreEvents(
  log: Log,
): Pick<
  Events,
  | 'centreReached'
  | 'centreAway'
  | 'stapleReceived'
  | 'stapleNotTaken'
  | 'notManaged'
  | 'centreClockDiffers'
  | 'offerFailed'
  | 'reportFailed'
> {
  return {
    centreReached({ centre }) {
      log('info', `following ${centre}`, { event: 'centreReached', centre })
    },
    centreAway({ centre, problem, retryIn }) {
      const message = `${centre} cannot be followed: ${problem}; staples in hand are served on, next attempt in ${formatDuration(retryIn)}`
      log('warn', message, { event: 'centreAway', centre, problem })
    },
    stapleReceived({ certificate, staple }) {
      const message = `${certificate.name}: staple until ${iso(staple.usableUntil)} from ${staple.url}`
      log('info', message, {
        event: 'stapleReceived',
        ...identify(certificate),
        usableUntil: iso(staple.usableUntil),
      })
    },
    stapleNotTaken({ certificate, problem }) {
      const message = `${certificate.name}: the centre sent what is not to be taken (${problem}); what was in hand is kept`
      log('error', message, { event: 'stapleNotTaken', ...identify(certificate), problem })
    },
    notManaged({ certificates, isOffered }) {
      const names = certificates.map(({ name }) => name).join(', ')
      const then = isOffered
        ? 'offering them to it'
        : 'have it manage them, or set agent.register: true'
      const message = `the centre does not manage ${names}; ${then}`
      log(isOffered ? 'info' : 'warn', message, { event: 'notManaged', names })
    },
    centreClockDiffers({ centre, ahead }) {
      const by = formatDuration(durationMs(Math.abs(ahead)))
      const message = `THE CLOCK OF THIS MACHINE is ${by} ${ahead > 0 ? 'ahead of' : 'behind'} that of ${centre}: one of them is wrong; set it right, as by NTP`
      log('error', message, { event: 'centreClockDiffers', centre, ahead })
    },
    offerFailed({ certificate, problem, retryIn }) {
      const then = retryIn === undefined ? 'it has no staple from there' : 'offered again'
      const when = retryIn === undefined ? '' : ` in ${formatDuration(retryIn)}`
      const message = `${certificate.name}: the centre does not take it: ${problem}; ${then}${when}`
      log('error', message, { event: 'offerFailed', ...identify(certificate), problem })
    },
    reportFailed({ problem }) {
      const message = `the centre did not take the report of what is live here: ${problem}`
      log('warn', message, { event: 'reportFailed', problem })
    },
  }
}

function outputEvents(log: Log): ServerOutputEvents {
  return {
    ...socketEvents(log),
    ...reloadEvents(log),
    fileWritten({ path, certificate }) {
      log('info', `${certificate}: staple written to ${path}`, { event: 'fileWritten', path })
    },
    fileRemoved({ path, reason }) {
      log('warn', `${path}: removed, ${reason}`, { event: 'fileRemoved', path, reason })
    },
    fileFailed({ path, error }) {
      log('error', `${path}: ${textOf(error)}`, { event: 'fileFailed', path, error: textOf(error) })
    },
    filePrepared({ path }) {
      const message = `${path}: made, with nothing to say until there is a staple`
      log('info', message, { event: 'filePrepared', path })
    },
    stapleWithheld({ place, certificate, problem }) {
      const message = `${certificate}: staple withheld from ${place}: ${problem}`
      log('warn', message, { event: 'stapleWithheld', place, certificate, problem })
    },
    filesCollide({ path, written, left }) {
      const message = `${path}: several certificates have this path; ${written} has it, not ${left.join(', ')}; use another placeholder in the template`
      log('warn', message, { event: 'filesCollide', path, written, left })
    },
  }
}

function socketEvents(log: Log): HaproxySocketEvents {
  return {
    socketTold({ socket, certificate }) {
      const message = `${certificate}: staple given to HAProxy at ${socket}`
      log('info', message, { event: 'socketTold', socket, certificate })
    },
    socketFailed({ socket, certificate, problem }) {
      const message = `${certificate}: staple not given to HAProxy at ${socket}: ${problem}`
      log('error', message, { event: 'socketFailed', socket, certificate, problem })
    },
    haproxyRestarted({ socket }) {
      const message = `HAProxy at ${socket} started anew: it is given all staples again`
      log('info', message, { event: 'haproxyRestarted', socket })
    },
  }
}

function reloadEvents(log: Log): ReloadEvents {
  return {
    reloaded({ command, elapsed }) {
      const message = `ran ${JSON.stringify(command)} in ${formatDuration(elapsed)}`
      log('info', message, { event: 'reloaded', command, elapsed })
    },
    reloadFailed({ command, problem, output, retryIn }) {
      const again = retryIn === undefined ? '' : `; again in ${formatDuration(retryIn)}`
      const said = output === '' ? '' : `: ${output.trim()}`
      const message = `${JSON.stringify(command)} ${problem}${said}${again}`
      log('error', message, { event: 'reloadFailed', command, problem, output })
    },
  }
}

function describeClass({ classification, mustStaple }: CertificateRecord): string {
  switch (classification) {
    case 'ocsp':
      return mustStaple ? 'must-staple' : 'to be stapled'
    case 'issuer-missing':
      return 'issuer missing: put its certificate into the same file or folder'
    case 'crl-only':
      return 'names a CRL and no OCSP URL: nothing to do'
    case 'no-revocation':
      return 'names no OCSP URL: nothing to do'
    case 'expired':
      return 'expired: renew it or remove its file'
    case 'not-yet-valid':
      return 'not valid yet'
    case 'ca':
      return 'a CA certificate: nothing to do'
  }
}

function identify({ id, name, mustStaple, classification }: CertificateRecord): object {
  return { certificate: name, id, mustStaple, classification }
}

function when({ dueAt, reason, attempts }: Schedule): object {
  return { nextFetch: iso(dueAt), reason, attempts }
}

function nextFetch({ dueAt, reason }: Schedule): string {
  return `next fetch ${iso(dueAt)}: ${reason}`
}

function describeFindings(findings: readonly Finding[]): string {
  const [worst] = findings.filter(({ level }) => level === 'reject')
  return worst === undefined ? 'it cannot be judged' : `${worst.rule}: ${worst.saw}`
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
