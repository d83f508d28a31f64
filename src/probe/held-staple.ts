import { type EpochMs, iso } from '../der/time.ts'
import { parseResponse } from '../ocsp/response.ts'
import { servedStaple } from '../store/served-staple.ts'
import type { Entry, Store } from '../store/store.ts'

/** What everstaple holds for a certificate, beside what its server sent. */
export interface HeldComparison {
  readonly state: /** Byte for byte what is held. */
    | 'same'
    /** The server sent another one than is held. */
    | 'other'
    /** The server sent none, and one is held. */
    | 'not-sent'
    /** The certificate is managed, and there is no staple for it. */
    | 'none-held'
    /** The store does not have this certificate. */
    | 'not-managed'
  /** thisUpdate of the one that is held and of the one that was sent, ISO 8601; `null` where there is none. */
  readonly heldThisUpdate: string | null
  readonly sentThisUpdate: string | null
}

/** Compares what a server sent with what is held. Rejects with a `StoreError`. */
export async function compareWithHeld(
  store: Pick<Store, 'entry'>,
  sent: { readonly id: string; readonly staple: Uint8Array | undefined },
  now: EpochMs,
): Promise<HeldComparison> {
  const entry = await store.entry({ id: sent.id })
  const held = entry && servedStaple(entry, now)
  return {
    state: stateOf(entry, sent.staple),
    heldThisUpdate: held === undefined ? null : iso(held.thisUpdate),
    sentThisUpdate: sent.staple === undefined ? null : thisUpdateOf(sent.staple),
  }
}

function stateOf(entry: Entry | undefined, sent: Uint8Array | undefined): HeldComparison['state'] {
  if (entry === undefined) return 'not-managed'
  if (entry.staple === undefined) return 'none-held'
  if (sent === undefined) return 'not-sent'
  // Around a renewal both are right: the one that is handed out now, and the next.
  const isHeld = [entry.staple, entry.former].some(
    (record) => record !== undefined && Buffer.compare(record.der, sent) === 0,
  )
  return isHeld ? 'same' : 'other'
}

function thisUpdateOf(staple: Uint8Array): string | null {
  const response = parseResponse(staple)
  const first = 'kind' in response ? undefined : response.basic?.responses[0]
  return first === undefined ? null : iso(first.thisUpdate)
}
