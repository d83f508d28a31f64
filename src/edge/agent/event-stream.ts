import { decodeFeedEvent, type PlacedEvent } from '../../serve/feed-event.ts'

/** What a centre sends is none of the feed's, or too much of it. */
export class FeedError extends Error {
  override readonly name = 'FeedError'
}

/** The events in the bytes of a feed (HTML Living Standard §9.2.6). Throws a {@link FeedError} for what is none, and what `bytes` throws. */
export async function* feedEvents(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<PlacedEvent, void, undefined> {
  const decoder = new TextDecoder()
  let pending = ''
  for await (const piece of bytes) {
    pending += decoder.decode(piece, { stream: true })
    let end = pending.indexOf('\n\n')
    for (; end >= 0; end = pending.indexOf('\n\n')) {
      const event = decodeFeedEvent(pending.slice(0, end))
      pending = pending.slice(end + 2)
      if (typeof event === 'string') throw new FeedError(event)
      if (event !== undefined) yield event
    }
    if (pending.length > MAX_EVENT_CHARACTERS) {
      throw new FeedError(`an event has more than ${MAX_EVENT_CHARACTERS} characters`)
    }
  }
}

/** A staple has 64 KiB at most, in base64, and its fingerprint. */
const MAX_EVENT_CHARACTERS = 100_000
