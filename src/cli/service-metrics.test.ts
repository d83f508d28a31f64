import { expect, it } from 'vitest'
import { epochMs } from '../der/time.ts'
import { unknownHabits } from '../responders/cadence.ts'
import { metricsText } from '../serve/metrics-text.ts'
import { serviceMetrics } from './service-metrics.ts'

it('serviceMetrics() says by responder how certificates do, and which one is away', () => {
  const text = metricsText(
    serviceMetrics({
      coverage: [
        { responder: 'http://a', managed: 3, stapled: 1, failing: 2, mustStapleWithout: 1 },
        { responder: 'http://b', managed: 1, stapled: 1, failing: 0, mustStapleWithout: 0 },
      ],
      responders: [
        {
          responder: 'http://a',
          habits: unknownHabits,
          health: { state: 'open', since: epochMs(0) },
          goneSince: undefined,
        },
      ],
      underWay: 2,
      edges: { well: 3, behind: 0, silent: 1 },
    }),
  )
  expect(text.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
    'everstaple_certificates{responder="http://a"} 3',
    'everstaple_certificates{responder="http://b"} 1',
    'everstaple_certificates_stapled{responder="http://a"} 1',
    'everstaple_certificates_stapled{responder="http://b"} 1',
    'everstaple_certificates_failing{responder="http://a"} 2',
    'everstaple_certificates_failing{responder="http://b"} 0',
    'everstaple_must_staple_without_staple{responder="http://a"} 1',
    'everstaple_must_staple_without_staple{responder="http://b"} 0',
    'everstaple_responder_away{responder="http://a"} 1',
    'everstaple_responder_away{responder="http://b"} 0',
    'everstaple_fetches_under_way 2',
    'everstaple_edges{state="well"} 3',
    'everstaple_edges{state="behind"} 0',
    'everstaple_edges{state="silent"} 1',
    '',
  ])
})
