import type { Events } from '../events.ts'
import type { Crawler } from '../refresh/crawler.ts'
import { GivenCertificates } from '../refresh/given-certificates.ts'
import type { IssuerSearch } from '../refresh/issuer-search.ts'
import { Turns } from '../refresh/turns.ts'
import type { CertificateRecord, Store } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import type { Certificate } from '../x509/certificate.ts'
import { SourceFollower } from './source-follower.ts'

/** What takes certificates in, and what they set going. */
export interface CertificateIntakeOptions {
  readonly clock: Clock
  readonly events: Events
  /** Files and folders, absolute. */
  readonly paths: readonly string[]
  readonly store: Store
  readonly issuers: Pick<IssuerSearch, 'want'>
  readonly crawler: Pick<Crawler, 'wake'>
  /** Called for each certificate that was put into the store or removed from it. */
  readonly changed: (certificate: CertificateRecord) => void
}

/** The two ways in which certificates come. */
export interface CertificateIntake {
  readonly follower: SourceFollower
  readonly given: GivenCertificates
}

/** Makes both ways, so that they do not undo each other's work when a certificate comes by both at once. */
export function certificateIntake(options: CertificateIntakeOptions): CertificateIntake {
  const { store, issuers, crawler } = options
  const turns = new Turns()
  let inFiles: readonly Certificate[] = []
  let byApi: readonly Certificate[] = []
  const wanted = () => issuers.want([...inFiles, ...byApi])
  const given = new GivenCertificates({
    ...options,
    turns,
    due: () => crawler.wake(),
    orphaned(orphans) {
      byApi = orphans
      wanted()
    },
  })
  const follower = new SourceFollower({
    ...options,
    store: {
      ...store,
      putCertificates: (records, now) => turns.take(() => store.putCertificates(records, now)),
      removeCertificates: (ids) => turns.take(() => store.removeCertificates(ids)),
    },
    taken({ orphans, given: records }) {
      inFiles = orphans
      given.know(records)
      crawler.wake()
    },
  })
  return { follower, given }
}
