import { columns, paint, type Terminal } from '../terminal.ts'

/** Tells what happens, in numbered steps. */
export class Story {
  readonly terminal: Terminal
  #steps = 0
  /** Lines of the table that was told last, if nothing came after it. */
  #tableLines = 0

  constructor(terminal: Terminal) {
    this.terminal = terminal
  }

  /** What stands between or after the steps. */
  chapter(title: string, ...lines: readonly string[]): void {
    this.#out('')
    this.#out(paint(this.terminal, 'bold', title))
    for (const line of lines) this.line(line)
  }

  /** The next numbered step: what is done, and then what that means. */
  step(title: string, ...lines: readonly string[]): void {
    this.#steps += 1
    this.chapter(`${this.#steps}. ${title}`, ...lines)
  }

  line(text: string): void {
    this.#out(indented(text))
  }

  /** How it goes. */
  good(text: string): void {
    this.line(`${paint(this.terminal, 'green', '✓')} ${text}`)
  }

  bad(text: string): void {
    this.line(`${paint(this.terminal, 'red', '✗')} ${text}`)
  }

  /**
   * A table in the place of the one before, if nothing was told since. An `interim` one is left out where lines cannot be taken back: in
   * a file, and by what shows no colours.
   */
  table(rows: readonly (readonly string[])[], kind: 'interim' | 'final'): void {
    const isLive = this.terminal.colours === 'yes'
    if (kind === 'interim' && !isLive) return
    const lines = columns(rows).map(indented)
    const above = isLive && this.#tableLines > 0 ? `\u001b[${this.#tableLines}A\u001b[J` : ''
    this.#out(above + lines.join('\n'))
    this.#tableLines = lines.length
  }

  /** Something that the service or its configuration says. */
  quote(text: string): void {
    for (const line of wrapped(text)) this.line(paint(this.terminal, 'dim', `│ ${line}`))
  }

  #out(text: string): void {
    this.#tableLines = 0
    this.terminal.out(text)
  }
}

function indented(text: string): string {
  return text === '' ? '' : `   ${text}`
}

/** In lines of {@link WIDTH}, broken at single spaces, those after the first indented. */
function wrapped(text: string): readonly string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > WIDTH) {
    const at = rest.lastIndexOf(' ', WIDTH)
    if (at <= 2) break
    lines.push(rest.slice(0, at))
    rest = `  ${rest.slice(at + 1)}`
  }
  return [...lines, rest]
}

const WIDTH = 92
