import { MINUTE_MS } from '../../der/time.ts'
import type { LoggedAttempt } from '../attempt-log.ts'
import { byCertificate, isGood, type Pattern } from './pattern.ts'
import { addressList, count, lasting, partOf } from './wording.ts'

/**
 * A cache or a machine of the responder that is not renewed (bugzilla 1816806: one region for a
 * month).
 */
export const staleEdge: Pattern = {
  name: 'stale-edge',
  advice: 'tell the CA which of its addresses, or of its delivery network, still has old responses',
  find: ({ all, recent }) => {
    const stale = olderThanAnother(all)
    const isStale = new Set(stale)
    const good = recent.filter(isGood)
    const shown = good.filter((attempt) => isStale.has(attempt))
    if (shown.length < 2) return undefined
    const bad = new Set(shown.map(({ remoteAddress }) => remoteAddress))
    const there = good.filter(({ remoteAddress }) => bad.has(remoteAddress))
    const elsewhere = good.filter(({ remoteAddress }) => !bad.has(remoteAddress))
    const most = shown.reduce((most, { at, thisUpdate = at }) => Math.max(most, at - thisUpdate), 0)
    const answers = partOf(shown.length, there.length, 'good answer')
    const from =
      elsewhere.length > 0 ? ` from ${addressList([...bad].flatMap((a) => a ?? []))}` : ''
    const old = `are older than another about the same certificate, the oldest ${lasting(most)}`
    const evidence = `${answers}${from} ${old}${comparison(elsewhere)}`
    return { evidence, shownBy: stale }
  },
}

/**
 * Good answers for which another about the same certificate, given before or a moment later by the
 * next attempt of the same fetch, was made long before: an eighth of the validity, as caches may
 * give the former one for a while.
 */
export function olderThanAnother(all: readonly LoggedAttempt[]): readonly LoggedAttempt[] {
  return [...byCertificate(all.filter(isGood)).values()]
    .flatMap(withNewerAtHand)
    .toSorted((a, b) => a.at - b.at)
}

function withNewerAtHand(about: readonly LoggedAttempt[]): readonly LoggedAttempt[] {
  return about.filter(({ at, thisUpdate, nextUpdate }) => {
    if (thisUpdate === undefined || nextUpdate === undefined) return false
    const madeBefore = at - (nextUpdate - thisUpdate) / 8
    return about.some(
      (other) =>
        other.at <= at + MINUTE_MS &&
        other.thisUpdate !== undefined &&
        other.thisUpdate > thisUpdate &&
        other.thisUpdate <= madeBefore,
    )
  })
}

function comparison(elsewhere: readonly LoggedAttempt[]): string {
  if (elsewhere.length === 0) return ''
  const addresses = new Set(elsewhere.map(({ remoteAddress }) => remoteAddress))
  return `, of the ${elsewhere.length} from ${count(addresses.size, 'other address')} none`
}
