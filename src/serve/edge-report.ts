import { z } from 'zod'
import { epochMs, iso } from '../der/time.ts'
import type { EdgeState } from '../store/store.ts'

/** What an agent tells its centre (`POST /v1/edges/NAME`, docs/api.md). */
export interface EdgeReport {
  /** Of the agent. */
  readonly version: string
  /** Whether these are all certificates of the edge, so that others are no longer there. */
  readonly extent: 'all' | 'some'
  readonly states: readonly EdgeState[]
}

/**
 * The report as JSON, times as ISO 8601. What is longer than a centre takes is cut, as a command that fails may say much: it would refuse all of
 * the report for it.
 */
export function encodeEdgeReport({ version, extent, states }: EdgeReport): string {
  return JSON.stringify({
    version,
    extent,
    states: states.map(({ id, stapleSha256, since, outputs, probe }) => ({
      fingerprint: id,
      stapleSha256: stapleSha256 ?? null,
      since: iso(since),
      outputs: mostTelling(outputs).map((output) => ({
        ...output,
        output: output.output.slice(0, MOST_CHARACTERS),
        place: output.place.slice(0, MOST_CHARACTERS),
        stapleSha256: output.stapleSha256 ?? null,
        problem: output.problem?.slice(0, MOST_CHARACTERS) ?? null,
        since: iso(output.since),
      })),
      probe: probe === undefined ? null : { at: iso(probe.at), outcome: probe.outcome },
    })),
  })
}

/** The report of an edge; in words what is wrong with it. */
export function decodeEdgeReport(edge: string, text: string): EdgeReport | string {
  const parsed = reportForm.safeParse(jsonOf(text))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return `${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'is no report'}`
  }
  const { version, extent, states } = parsed.data
  return {
    version,
    extent,
    states: states.map(({ fingerprint, ...state }) => ({ edge, id: fingerprint, ...state })),
  }
}

/** As many as are taken; those that are not live first. */
function mostTelling(outputs: EdgeState['outputs']): EdgeState['outputs'] {
  const isLive = ({ state }: EdgeState['outputs'][number]) => Number(state === 'live')
  return outputs.toSorted((a, b) => isLive(a) - isLive(b)).slice(0, MOST_OUTPUTS)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const MOST_CHARACTERS = 1_000
/** Of one certificate. */
const MOST_OUTPUTS = 100

const time = z.iso.datetime().transform((text) => epochMs(Date.parse(text)))
const sha256 = z.string().regex(/^[\da-f]{64}$/)
const words = z.string().max(MOST_CHARACTERS)
const orNone = <Form extends z.ZodType>(form: Form) =>
  form.nullable().transform((value) => value ?? undefined)

const reportForm = z.strictObject({
  version: z.string().max(50),
  extent: z.enum(['all', 'some']),
  states: z.array(
    z.strictObject({
      fingerprint: sha256,
      stapleSha256: orNone(sha256),
      since: time,
      outputs: z
        .array(
          z.strictObject({
            output: words,
            place: words,
            state: z.enum(['live', 'withheld', 'failed', 'withdrawn']),
            stapleSha256: orNone(sha256),
            problem: orNone(words),
            since: time,
          }),
        )
        .max(MOST_OUTPUTS),
      probe: orNone(z.strictObject({ at: time, outcome: words })),
    }),
  ),
})
