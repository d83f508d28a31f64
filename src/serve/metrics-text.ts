/** A metric with all of its samples. */
export interface MetricFamily {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly { readonly labels: MetricLabels; readonly value: number }[]
}

/** Names and values of labels. */
export type MetricLabels = Readonly<Record<string, string>>

/** The content type of {@link metricsText}. */
export const METRICS_TYPE = 'text/plain; version=0.0.4'

/** Metrics in the text format of Prometheus, version 0.0.4. */
export function metricsText(families: readonly MetricFamily[]): string {
  return `${families.flatMap(linesOf).join('\n')}\n`
}

function linesOf({ name, type, help, samples }: MetricFamily): string[] {
  const lines = samples.map(({ labels, value }) => `${name}${textOf(labels)} ${value}`)
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]
}

function textOf(labels: MetricLabels): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
