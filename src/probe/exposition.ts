import { SECOND_MS } from '../der/time.ts'
import type { CountKey, Tally } from './tally.ts'

/** A tally in the text format of Prometheus, version 0.0.4. */
export function exposition(tally: Tally): string {
  return [
    ...family({
      name: 'everstaple_probe_handshakes_total',
      type: 'counter',
      help: 'Handshakes by how they ended; the outcome "stapled" is the good one.',
      samples: tally.counts.map(({ handshakes, outcome, ...key }) => ({
        labels: { ...labels(key), outcome },
        value: handshakes,
      })),
    }),
    ...family({
      name: 'everstaple_probe_usable_until_timestamp_seconds',
      type: 'gauge',
      help: 'Until when the staple that was last seen may be used.',
      samples: tally.lastStaples.map(({ usableUntil, ...key }) => ({
        labels: labels(key),
        value: usableUntil / SECOND_MS,
      })),
    }),
    ...family({
      name: 'everstaple_probe_last_check_timestamp_seconds',
      type: 'gauge',
      help: 'When the server was last checked.',
      samples: [...tally.checkedAt].map(([server, at]) => ({
        labels: { server },
        value: at / SECOND_MS,
      })),
    }),
    '',
  ].join('\n')
}

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[]
}

type Labels = Readonly<Record<string, string>>

function family({ name, type, help, samples }: Family): string[] {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
    return `${name}{${pairs.join(',')}} ${value}`
  })
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]
}

function labels({ server, certificate, key }: CountKey): Labels {
  return { server, certificate, key }
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
