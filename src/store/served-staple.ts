import type { EpochMs } from '../der/time.ts'
import type { Entry, StapleRecord } from './store.ts'

/** The staple that is handed out at `now`: the newest, or the former one until the newest is old enough for clients whose clocks run late. */
export function servedStaple(
  { staple, former }: Pick<Entry, 'staple' | 'former'>,
  now: EpochMs,
): StapleRecord | undefined {
  const isEarly = staple !== undefined && now < staple.servedFrom
  return isEarly && former !== undefined && former.usableUntil > now ? former : staple
}
