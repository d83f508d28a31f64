import type { Config } from '../config/config.ts'
import type { EpochMs } from '../der/time.ts'
import { LocalOutputs, type OutputSource } from '../edge/local-outputs.ts'
import type { Events } from '../events.ts'
import { isGiven } from '../refresh/intake.ts'
import type { Store } from '../store/store.ts'
import type { VerifiedStaples } from '../store/verified-staples.ts'
import type { Clock } from '../time/clock.ts'

/** What the outputs of this machine are fed from. */
export interface OutputParts {
  readonly config: Pick<Config, 'outputs' | 'policy'>
  readonly store: Store
  readonly staples: VerifiedStaples
  readonly clock: Clock
  readonly events: Events
}

/** The outputs that the configuration names, which hold what the store has. */
export function localOutputsOf(parts: OutputParts): LocalOutputs {
  const { config, store, clock, events } = parts
  return new LocalOutputs({
    outputs: config.outputs,
    source: {
      current: (id) => currentOf(id, { ...parts, now: clock.now() }),
      keep: (id, states) => store.putOutputStates(id, states),
    },
    policy: config.policy,
    clock,
    events,
  })
}

/** Brings the outputs to the store after a start. */
export async function startOutputs(
  outputs: LocalOutputs,
  { store, clock, events }: Pick<OutputParts, 'store' | 'clock' | 'events'>,
  stop: AbortSignal,
): Promise<void> {
  async function* certificates() {
    for await (const { certificate, staple } of store.entries()) {
      if (isGiven(certificate.sources)) continue
      const has = staple !== undefined && staple.usableUntil > clock.now() ? 'staple' : 'none'
      if (certificate.certIDKey !== undefined) yield { ...certificate, has } as const
    }
  }
  try {
    await outputs.updateAll(certificates(), stop)
  } catch (error) {
    events.storeFailed({ error })
  }
}

async function currentOf(
  id: string,
  { store, staples, now }: Pick<OutputParts, 'store' | 'staples'> & { readonly now: EpochMs },
): ReturnType<OutputSource['current']> {
  const entry = await store.entry({ id })
  if (entry === undefined || isGiven(entry.certificate.sources)) return undefined
  const { certificate, staple, schedule, outputs: states = [] } = entry
  const { classification } = certificate
  const mayHaveStaple = classification === 'ocsp' || classification === 'issuer-missing'
  const wants = mayHaveStaple ? 'staple' : 'nothing'
  const changesAt = staple !== undefined && staple.servedFrom > now ? staple.servedFrom : undefined
  // The data folder may be a new one, and the CA away: what servers have is better than nothing, unless it was withdrawn.
  const found = schedule?.revokedAsOf === undefined ? 'may-stay' : 'goes'
  return { certificate, staple: await staples.byId(id), found, wants, changesAt, states }
}
