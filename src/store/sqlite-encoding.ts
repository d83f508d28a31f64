import type { CertificateRecord, Schedule, StapleRecord } from './store.ts'

/** A certificate as it goes to the writer: with bytes of its own and whole numbers, or a RangeError before anything is written. */
export function encodedCertificate(record: CertificateRecord): CertificateRecord {
  const { der, issuer, notAfter } = record
  return {
    ...record,
    der: ownBytes(der),
    issuer: issuer && ownBytes(issuer),
    notAfter: whole(notAfter),
  }
}

/** A staple as it goes to the writer, as {@link encodedCertificate}. */
export function encodedStaple(staple: StapleRecord): StapleRecord {
  return {
    ...staple,
    der: ownBytes(staple.der),
    received: ownBytes(staple.received),
    producedAt: whole(staple.producedAt),
    thisUpdate: whole(staple.thisUpdate),
    nextUpdate: whole(staple.nextUpdate),
    usableUntil: whole(staple.usableUntil),
    fetchedAt: whole(staple.fetchedAt),
  }
}

/** A schedule as it goes to the writer, as {@link encodedCertificate}. */
export function encodedSchedule(schedule: Schedule): Schedule {
  const { dueAt, attempts, lastAttemptAt } = schedule
  return {
    ...schedule,
    dueAt: whole(dueAt),
    attempts: whole(attempts),
    lastAttemptAt: lastAttemptAt === undefined ? undefined : whole(lastAttemptAt),
  }
}

/** A whole number, as strict tables take no other and jitter makes fractions. One that is none would fail the batch that it is in. */
export function whole<N extends number>(value: N): N {
  if (!Number.isFinite(value)) throw new RangeError(`${value} cannot be stored as a number`)
  return Math.round(value) as N
}

/** A copy: a message to a thread carries the whole buffer behind a view, such as the file that a certificate was read from. */
function ownBytes(view: Uint8Array): Uint8Array {
  return new Uint8Array(view)
}
