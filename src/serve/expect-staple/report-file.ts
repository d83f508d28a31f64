import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { epochMs, iso } from '../../der/time.ts'
import type { CollectedReport } from './collected-report.ts'
import { certStatuses, responseStatuses } from './report.ts'

/** The name of the file in the data folder: one report a line, JSON, times as ISO 8601. */
export const REPORT_FILE = 'expect-staple.jsonl'

/**
 * The collected reports in a data folder, also beside a running service; none where there is no
 * file. Lines that make no sense are stepped over: the file is for people, and nothing hangs on it.
 * Rejects with what reading gave.
 */
export async function readReportFile(folder: string): Promise<readonly CollectedReport[]> {
  return (await textOf(join(folder, REPORT_FILE))).split('\n').flatMap((line) => {
    const parsed = lineForm.safeParse(jsonOf(line))
    return parsed.success ? [parsed.data] : []
  })
}

/**
 * Writes the file anew, so that readers see the old one or the new one, whole. It is not synced:
 * loss of power may cost the reports of the last minute. Rejects with what writing gave.
 */
export async function writeReportFile(
  folder: string,
  reports: readonly CollectedReport[],
): Promise<void> {
  const path = join(folder, REPORT_FILE)
  const temporary = `${path}.tmp`
  await writeFile(temporary, reports.map((report) => `${lineOf(report)}\n`).join(''), MODE)
  await rename(temporary, path)
}

function lineOf({ firstAt, lastAt, example, ...report }: CollectedReport): string {
  return JSON.stringify({
    ...report,
    firstAt: iso(firstAt),
    lastAt: iso(lastAt),
    example: { ...example, at: iso(example.at) },
  })
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const MODE = { mode: 0o600 } as const

const time = z.iso.datetime().transform((text) => epochMs(Date.parse(text)))
const orNone = <Form extends z.ZodType>(form: Form) =>
  form.optional().transform((value) => value ?? undefined)

const lineForm = z.object({
  host: z.string(),
  port: z.int(),
  certificate: orNone(z.string()),
  name: orNone(z.string()),
  reason: z.string(),
  detail: z.string(),
  count: z.int(),
  firstAt: time,
  lastAt: time,
  example: z.object({
    at: time,
    responseStatus: z.enum(responseStatuses),
    certStatus: orNone(z.enum(certStatuses)),
    stapleSha256: orNone(z.string()),
  }),
})
