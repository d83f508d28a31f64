import { SECOND_MS } from '../der/time.ts'
import type { MetricFamily, MetricLabels } from '../serve/metrics-text.ts'
import type { CountKey, Tally } from './tally.ts'

/** What was counted, as metrics. */
export function probeMetrics(tally: Tally): readonly MetricFamily[] {
  return [
    {
      name: 'everstaple_probe_handshakes_total',
      type: 'counter',
      help: 'Handshakes by how they ended; the outcome "stapled" is the good one.',
      samples: tally.counts.map(({ handshakes, outcome, ...key }) => ({
        labels: { ...labels(key), outcome },
        value: handshakes,
      })),
    },
    {
      name: 'everstaple_probe_usable_until_timestamp_seconds',
      type: 'gauge',
      help: 'Until when the staple that was last seen may be used.',
      samples: tally.lastStaples.map(({ usableUntil, ...key }) => ({
        labels: labels(key),
        value: usableUntil / SECOND_MS,
      })),
    },
    {
      name: 'everstaple_probe_last_check_timestamp_seconds',
      type: 'gauge',
      help: 'When the server was last checked.',
      samples: [...tally.checkedAt].map(([server, at]) => ({
        labels: { server },
        value: at / SECOND_MS,
      })),
    },
  ]
}

function labels({ server, certificate, key }: CountKey): MetricLabels {
  return { server, certificate, key }
}
