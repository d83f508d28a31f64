import { styleText } from 'node:util'

// Messages for people: lower-case start, no full stop; what was seen, what was required, what to do; values quoted, times ISO 8601.
// Errors go to stderr as `everstaple: error: …`, then `everstaple: hint: …`. Never a stack trace, never the bytes of a key.

/** Exit statuses: as asked; the answer is bad (an unacceptable staple, a check that fails); usage or environment. */
export type ExitStatus = 0 | 1 | 2

/** Where a command writes. */
export interface Terminal {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Whether `out` shows colours. */
  readonly colours: 'yes' | 'no'
}

/** Something that the user can mend; printed as error and hint, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'USAGE'
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

/** The terminal of this process. Colours where standard output is a terminal and NO_COLOR is not set. */
export function processTerminal(): Terminal {
  return {
    out: (text) => process.stdout.write(`${text}\n`),
    err: (text) => process.stderr.write(`${text}\n`),
    colours: process.stdout.hasColors?.() ? 'yes' : 'no',
  }
}

/** Writes what went wrong, for people. */
export function printError(terminal: Terminal, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  terminal.err(`everstaple: error: ${message}`)
  if (error instanceof UsageError) terminal.err(`everstaple: hint: ${error.hint}`)
}

type Style = Parameters<typeof styleText>[0]

/** `text` in a colour, where the terminal shows them. */
export function paint({ colours }: Terminal, style: Style, text: string): string {
  return colours === 'yes' ? styleText(style, text, { validateStream: false }) : text
}

/** Rows as lines with aligned columns, two spaces between them; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, visibleLength(cell))
    })
  }
  return rows.map((row) =>
    row
      .map((cell, index) =>
        index === row.length - 1
          ? cell
          : cell + ' '.repeat((widths[index] ?? 0) - visibleLength(cell)),
      )
      .join('  ')
      .trimEnd(),
  )
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours themselves begin with one
  return text.replace(/\u001b\[[0-9;]*m/g, '').length
}
