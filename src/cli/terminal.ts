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

/** Writes what went wrong, for people: our own errors say what was seen and, after a semicolon, what to do. */
export function printError(terminal: Terminal, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error)
  const [what, hint] = error instanceof UsageError ? [text, error.hint] : halves(text)
  terminal.err(`everstaple: error: ${what.split('\n').map(oneLine).join('\n')}`)
  if (hint !== undefined) terminal.err(`everstaple: hint: ${oneLine(hint)}`)
}

function halves(text: string): readonly [string, string | undefined] {
  const end = text.indexOf('; ')
  return end === -1 ? [text, undefined] : [text.slice(0, end), text.slice(end + 2)]
}

/** What comes from a responder, a file name or a command must not break a line, or steer the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]+/gu, ' ')
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
