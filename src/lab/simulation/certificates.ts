import { classify } from '../../certificates/classify.ts'
import type { FoundCertificate, Snapshot } from '../../certificates/source.ts'
import type { EpochMs } from '../../der/time.ts'
import type { Scene } from './scene.ts'
import type { SimulatedCertificate } from './simulated-authority.ts'

/** What the folder of certificates holds at this moment. */
export function snapshotOf(scene: Scene): Snapshot {
  const now = scene.now()
  const present = scene.certificates.filter(
    ({ plan }) => plan.addedAt <= now && now < plan.removedAt,
  )
  return {
    certificates: present.map((each) => found(each, scene.clock.now())),
    ...{ problems: [], unreadable: [], changesAt: undefined },
  }
}

function found(
  { plan, leaf: { certificate }, authority }: SimulatedCertificate,
  now: EpochMs,
): FoundCertificate {
  const issuer = authority.issuer.certificate
  const { name, mustStaple } = plan
  const sources = [`/etc/ssl/${name}.pem`]
  return { certificate, issuer, sources, name, mustStaple, ...classify(certificate, issuer, now) }
}
