import { expect, test } from 'vitest'
import { DAY_MS, plus } from '../der/time.ts'
import type { Entry, StapleRecord } from '../store/store.ts'
import { now, staple } from './_setup.ts'
import { compareWithHeld } from './held-staple.ts'

const day = (count: number) => plus(now, count * DAY_MS)
const der = staple()
const older = staple({ thisUpdate: day(-2), nextUpdate: day(1) })
const record: StapleRecord = {
  ...{ der, received: der, producedAt: now, thisUpdate: now, nextUpdate: day(1) },
  ...{ usableUntil: day(1), fetchedAt: now, servedFrom: now, url: '' },
}
const entry = (held: Partial<Entry>) => ({ staple: undefined, former: undefined, ...held }) as Entry
const former = { ...record, der: older }

test.each<[string, Entry | undefined, Uint8Array | undefined]>([
  ['same', entry({ staple: record }), der],
  ['same', entry({ staple: { ...record, servedFrom: day(1) }, former }), older],
  ['other', entry({ staple: record }), older],
  ['other', entry({ staple: record }), Buffer.from('junk')],
  ['not-sent', entry({ staple: record }), undefined],
  ['none-held', entry({}), der],
  ['not-managed', undefined, der],
])('compareWithHeld(): %s', async (state, held, sent) => {
  const store = { entry: async () => held }
  expect((await compareWithHeld(store, { id: 'a', staple: sent }, now)).state).toBe(state)
})
