import type { EpochMs } from '../der/time.ts'

/** The times that decide which of two staples is the later one. */
export interface StapleAge {
  readonly thisUpdate: EpochMs
  readonly nextUpdate: EpochMs
  readonly producedAt: EpochMs
}

/**
 * Whether a fetched staple may take the place of the one in hand: never with an earlier thisUpdate, as the edges of a delivery network
 * disagree for hours; with the same one, the later nextUpdate and then the later producedAt wins.
 */
export function isNewer(fetched: StapleAge, held: StapleAge): boolean {
  const order =
    fetched.thisUpdate - held.thisUpdate ||
    fetched.nextUpdate - held.nextUpdate ||
    fetched.producedAt - held.producedAt
  return order > 0
}
