import { DAY_MS, epochMs, plus } from '../../der/time.ts'
import type { CrawlerLimits } from '../../refresh/crawler.ts'
import { seededRandom } from '../seeded-random.ts'
import { type AuthorityPlan, drawAuthorities } from './authority-plan.ts'
import { type CertificatePlan, drawCertificates } from './certificate-plan.ts'
import { type Span, whole } from './draw.ts'
import { drawFaults, type FaultPlan } from './fault-plan.ts'
import { drawIncidents, type Incident } from './incidents.ts'

/** All that will happen in one simulation, drawn before it begins. Times are true ones: the wall clock of the service may be wrong. */
export interface World extends Span {
  readonly seed: number
  readonly authorities: readonly AuthorityPlan[]
  readonly certificates: readonly CertificatePlan[]
  readonly faults: readonly FaultPlan[]
  /** In the order in which they happen. */
  readonly incidents: readonly Incident[]
  readonly limits: CrawlerLimits
}

/** Draws a world. The same seed and days give the same one on every machine. */
export function drawWorld(seed: number, days: number): World {
  const start = epochMs(FIRST_DAY)
  const end = plus(start, days * DAY_MS)
  const random = seededRandom(seed, 'world')
  const authorities = drawAuthorities(random, start)
  const certificates = authorities.flatMap((each) => drawCertificates(each, random, { start, end }))
  return {
    ...{ seed, start, end, authorities },
    certificates: certificates.map((each, index) => ({ ...each, index })),
    faults: drawFaults(authorities, seededRandom(seed, 'faults'), { start, end }),
    incidents: drawIncidents(seededRandom(seed, 'incidents'), { start, end }),
    limits: {
      total: 2 + whole(20, random),
      perResponder: 1 + whole(6, random),
      ratePerSecond: 1 + whole(10, random),
    },
  }
}

/** 1 December 2026. */
const FIRST_DAY = 1_796_083_200_000
