import { describe, expect, it } from 'vitest'
import { HOUR_MS, plus } from '../../der/time.ts'
import { now } from '../_setup.ts'
import { collected } from './_setup.ts'
import { summarize } from './summary.ts'

const { firstAt } = collected()
const again = collected({ count: 4, firstAt: plus(now, HOUR_MS), lastAt: plus(now, 2 * HOUR_MS) })
const expired = collected({ reason: 'next-update-passed', count: 2, lastAt: now })
const foreign = collected({ host: 'a.example', name: undefined, lastAt: plus(now, 9 * HOUR_MS) })

describe('summarize()', () => {
  it('brings what is of one server and certificate together', () => {
    expect(summarize([collected(), again, expired])).toEqual([
      {
        host: 'www.example.org',
        port: 443,
        certificate: again.certificate,
        name: 'localhost',
        reasons: [
          { reason: 'none-sent', count: 5 },
          { reason: 'next-update-passed', count: 2 },
        ],
        firstAt,
        lastAt: again.lastAt,
        example: again,
      },
    ])
  })

  it('names managed certificates first, then the latest', () => {
    const mail = collected({ host: 'mail.example.org', lastAt: plus(now, 3 * HOUR_MS) })
    const renewed = collected({ certificate: 'ab'.repeat(32), lastAt: plus(now, HOUR_MS) })
    const all = summarize([foreign, again, renewed, mail])
    expect(all.map(({ example }) => example)).toEqual([mail, again, renewed, foreign])
  })

  it('is empty without reports', () => {
    expect(summarize([])).toEqual([])
  })
})
