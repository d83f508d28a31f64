import { z } from 'zod'
import { type EpochMs, epochMs, iso } from '../der/time.ts'

/** What the feed says, one after the other (docs/feed.md). */
export type FeedEvent =
  /** The newest staple of a certificate, good until shown otherwise: whoever gets it judges it. */
  | { readonly kind: 'staple'; readonly fingerprint: string; readonly staple: Uint8Array }
  /** The CA has revoked the certificate: an older staple is not to be handed out. Whoever gets it judges the response. */
  | {
      readonly kind: 'revoked'
      readonly fingerprint: string
      /** thisUpdate of the response. */
      readonly asOf: EpochMs
      /** The response that says so; `undefined` where it was not kept, and from releases that kept none. */
      readonly response: Uint8Array | undefined
    }
  /** The certificate is managed and has no usable staple yet, or any more: whoever has one may hand it out until it ends. */
  | { readonly kind: 'missing'; readonly fingerprint: string }
  /** The certificate is no longer managed. */
  | { readonly kind: 'removed'; readonly fingerprint: string }
  /** What was said before no longer holds: all there is follows anew. */
  | { readonly kind: 'reset' }
  /** All there is has been said. */
  | { readonly kind: 'current' }

/** An event with the place in the feed from which to go on after it; `undefined` where that is as before. */
export interface PlacedEvent {
  readonly event: FeedEvent
  readonly place: string | undefined
}

/** The event as server-sent events have it (HTML Living Standard §9.2). */
export function encodeFeedEvent({ event, place }: PlacedEvent): string {
  const id = place === undefined ? '' : `id: ${place}\n`
  return `${id}event: ${event.kind}\ndata: ${JSON.stringify(dataOf(event))}\n\n`
}

/** The event in a block of an event stream, without its empty line; in words what is wrong with it; `undefined` for a comment. */
export function decodeFeedEvent(block: string): PlacedEvent | string | undefined {
  const fields = new Map(
    block
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(':'))
      .map((line) => [line.split(':', 1)[0] ?? '', line.replace(/^[^:]*: ?/, '')]),
  )
  if (fields.size === 0) return undefined
  const kind = fields.get('event') ?? 'message'
  const parsed = eventForm.safeParse({ kind, ...jsonOf(fields.get('data')) })
  if (!parsed.success) return `the event '${kind}' is not one of the feed`
  return { event: eventOf(parsed.data), place: fields.get('id') }
}

function eventOf(form: z.infer<typeof eventForm>): FeedEvent {
  if (form.kind === 'staple') return { ...form, staple: Buffer.from(form.staple, 'base64') }
  if (form.kind !== 'revoked') return form
  const response = form.response === undefined ? undefined : Buffer.from(form.response, 'base64')
  return { ...form, asOf: epochMs(Date.parse(form.asOf)), response }
}

function dataOf(event: FeedEvent): Record<string, string> {
  switch (event.kind) {
    case 'staple':
      return {
        fingerprint: event.fingerprint,
        staple: base64(event.staple),
      }
    case 'revoked': {
      const { fingerprint, asOf, response } = event
      return { fingerprint, asOf: iso(asOf), ...(response && { response: base64(response) }) }
    }
    case 'missing':
    case 'removed':
      return { fingerprint: event.fingerprint }
    case 'reset':
    case 'current':
      return {}
  }
}

function base64(der: Uint8Array): string {
  return Buffer.from(der).toString('base64')
}

function jsonOf(text: string | undefined): object {
  try {
    const value: unknown = JSON.parse(text ?? '')
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

const fingerprint = z.string().regex(/^[\da-f]{64}$/)
const eventForm = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('staple'), fingerprint, staple: z.base64() }),
  z.object({
    kind: z.literal('revoked'),
    fingerprint,
    asOf: z.iso.datetime(),
    response: z.base64().optional(),
  }),
  z.object({ kind: z.literal('missing'), fingerprint }),
  z.object({ kind: z.literal('removed'), fingerprint }),
  z.object({ kind: z.literal('reset') }),
  z.object({ kind: z.literal('current') }),
])
