import type { EdgeCondition } from '../serve/edge-watch.ts'
import type { MetricFamily } from '../serve/metrics-text.ts'
import type { ResponderCoverage, ResponderRecord } from '../store/store.ts'

/** What the service knows of itself. */
export interface ServiceState {
  readonly coverage: readonly ResponderCoverage[]
  readonly responders: readonly ResponderRecord[]
  /** Certificates that are being fetched or stored. */
  readonly underWay: number
  readonly edges: Readonly<Record<EdgeCondition, number>>
}

/** How the service does, as metrics. Certificates are counted by responder: a sum over it has them all. */
export function serviceMetrics({
  coverage,
  responders,
  underWay,
  edges,
}: ServiceState): readonly MetricFamily[] {
  const away = responders.filter(({ health }) => health.state === 'open')
  const isAway = new Set(away.map(({ responder }) => responder))
  const rows = coverage.map((of) => ({ ...of, away: isAway.has(of.responder) ? 1 : 0 }))
  return [
    ...byResponder.map(
      ([name, field, help]): MetricFamily => ({
        name,
        type: 'gauge',
        help,
        samples: rows.map((row) => ({ labels: { responder: row.responder }, value: row[field] })),
      }),
    ),
    {
      name: 'everstaple_fetches_under_way',
      type: 'gauge',
      help: 'Certificates that are being fetched or stored.',
      samples: [{ labels: {}, value: underWay }],
    },
    {
      name: 'everstaple_edges',
      type: 'gauge',
      help: 'Edges, by whether all is live there, some is behind, or nothing was heard of them for long.',
      samples: Object.entries(edges).map(([state, value]) => ({ labels: { state }, value })),
    },
  ]
}

const byResponder = [
  ['everstaple_certificates', 'managed', 'Certificates that can have a staple.'],
  ['everstaple_certificates_stapled', 'stapled', 'Those of them that have a usable one.'],
  ['everstaple_certificates_failing', 'failing', 'Those of them whose last fetch failed.'],
  [
    'everstaple_must_staple_without_staple',
    'mustStapleWithout',
    'Those of them that are must-staple and have no usable staple.',
  ],
  ['everstaple_responder_away', 'away', '1: nothing but trouble, it is only probed.'],
] as const
