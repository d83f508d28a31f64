import type { LoggedAttempt } from '../responders/attempt-log.ts'
import type {
  CertificateRecord,
  EdgeState,
  OutputState,
  ProbeResult,
  ResponderRecord,
  Schedule,
  StapleRecord,
} from './store.ts'

/** A certificate as an engine takes it: with bytes of its own and whole numbers, or a RangeError before anything is written. */
export function encodedCertificate(record: CertificateRecord): CertificateRecord {
  const { der, issuer, notAfter } = record
  return {
    ...record,
    der: ownBytes(der),
    issuer: issuer && ownBytes(issuer),
    notAfter: whole(notAfter),
  }
}

/** A staple as an engine takes it, as {@link encodedCertificate}. */
export function encodedStaple(staple: StapleRecord): StapleRecord {
  const der = ownBytes(staple.der)
  return {
    ...staple,
    der,
    received: staple.received === staple.der ? der : ownBytes(staple.received),
    producedAt: whole(staple.producedAt),
    thisUpdate: whole(staple.thisUpdate),
    nextUpdate: whole(staple.nextUpdate),
    usableUntil: whole(staple.usableUntil),
    fetchedAt: whole(staple.fetchedAt),
    servedFrom: whole(staple.servedFrom),
  }
}

/** A schedule as an engine takes it, as {@link encodedCertificate}. */
export function encodedSchedule(schedule: Schedule): Schedule {
  const { dueAt, attempts, lastAttemptAt, revokedAsOf, revocation, unchangedAt } = schedule
  return {
    ...schedule,
    dueAt: whole(dueAt),
    attempts: whole(attempts),
    lastAttemptAt: wholeIfAny(lastAttemptAt),
    ...(revokedAsOf === undefined ? {} : { revokedAsOf: whole(revokedAsOf) }),
    ...(revocation === undefined ? {} : { revocation: ownBytes(revocation) }),
    ...(unchangedAt === undefined ? {} : { unchangedAt: whole(unchangedAt) }),
  }
}

/** An attempt as an engine takes it, as {@link encodedCertificate}. */
export function encodedAttempt(attempt: LoggedAttempt): LoggedAttempt {
  return {
    ...attempt,
    certificateAge: whole(attempt.certificateAge),
    at: whole(attempt.at),
    elapsed: whole(attempt.elapsed),
    statusCode: wholeIfAny(attempt.statusCode),
    thisUpdate: wholeIfAny(attempt.thisUpdate),
    nextUpdate: wholeIfAny(attempt.nextUpdate),
  }
}

/** The state of an output as an engine takes it, as {@link encodedCertificate}. */
export function encodedOutputState(state: OutputState): OutputState {
  return { ...state, since: whole(state.since) }
}

/** What is remembered of a responder as an engine takes it, as {@link encodedCertificate}. */
export function encodedResponder(record: ResponderRecord): ResponderRecord {
  const { responder, habits, health, goneSince } = record
  return {
    responder,
    habits: {
      validity: wholeIfAny(habits.validity),
      renewal: wholeIfAny(habits.renewal),
      lag: whole(habits.lag),
      seen: whole(habits.seen),
    },
    health: { state: health.state, since: whole(health.since) },
    goneSince: wholeIfAny(goneSince),
  }
}

/** The state on an edge as an engine takes it, as {@link encodedCertificate}. */
export function encodedEdgeState(state: EdgeState): EdgeState {
  const { since, outputs, probe } = state
  return {
    ...state,
    since: whole(since),
    outputs: outputs.map(encodedOutputState),
    probe: probe && { ...probe, at: whole(probe.at) },
  }
}

/** What is known of a server as an engine takes it, as {@link encodedCertificate}. */
export function encodedProbe(result: ProbeResult): ProbeResult {
  const { since, checkedAt, handshakes, stapled, countedSince } = result
  return {
    ...result,
    since: whole(since),
    checkedAt: whole(checkedAt),
    handshakes: whole(handshakes),
    stapled: whole(stapled),
    countedSince: whole(countedSince),
  }
}

/** A whole number, as databases are strict and jitter makes fractions. One that is none would fail the batch that it is in. */
export function whole<N extends number>(value: N): N {
  if (!Number.isFinite(value)) throw new RangeError(`${value} cannot be stored as a number`)
  return Math.round(value) as N
}

function wholeIfAny<N extends number>(value: N | undefined): N | undefined {
  return value === undefined ? undefined : whole(value)
}

/** A copy: a message to a thread carries the whole buffer behind a view, such as the file that a certificate was read from. */
function ownBytes(view: Uint8Array): Uint8Array {
  return new Uint8Array(view)
}
