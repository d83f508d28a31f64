/** One line of Apache httpd's configuration: a directive, or the begin or end of a section. */
export interface ApacheLine {
  readonly kind: 'directive' | 'begin' | 'end'
  /** Lower case: httpd does not look at case. */
  readonly name: string
  readonly parameters: readonly string[]
  /** From 1; of lines that go on, the first. */
  readonly line: number
}

/**
 * Reads a configuration file of Apache httpd: one directive a line, which a backslash at its end continues. What it does not understand
 * it passes over. Never throws. `${NAME}` is left as it is: {@link withVariables}.
 */
export function parseApache(text: string): readonly ApacheLine[] {
  const lines: ApacheLine[] = []
  let number = 0
  let begun = ''
  let begunAt = 0
  for (const line of text.split('\n')) {
    number += 1
    if (begun === '') begunAt = number
    const whole = begun + line.replace(/\r$/, '')
    // Two backslashes at the end are one that stands for itself.
    if (/(^|[^\\])\\$/.test(whole)) {
      begun = whole.slice(0, -1)
      continue
    }
    begun = ''
    const parsed = lineOf(whole.trim(), begunAt)
    if (parsed !== undefined) lines.push(parsed)
  }
  const last = lineOf(begun.trim(), begunAt)
  if (last !== undefined) lines.push(last)
  return lines
}

/** A parameter with `${NAME}` replaced; names that are not defined stay, as httpd leaves them. */
export function withVariables(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$\{([^${}]*)\}/g, (whole, name: string) => variables.get(name) ?? whole)
}

/** The variables that Debian's `envvars` exports: `export NAME=value`, with `$OTHER` in it. */
export function parseEnvvars(text: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>()
  for (const [, name = '', value = ''] of text.matchAll(EXPORT)) {
    const plain = value.replace(/^(["'])(.*)\1$/, '$2')
    const known = (_: string, braced?: string, bare?: string) =>
      variables.get(braced ?? bare ?? '') ?? ''
    variables.set(name, plain.replace(/\$(?:\{(\w+)[^}]*\}|(\w+))/g, known))
  }
  return variables
}

function lineOf(text: string, line: number): ApacheLine | undefined {
  if (text === '' || text.startsWith('#')) return undefined
  const { end, begin, name, rest = '' } = LINE.exec(text)?.groups ?? {}
  if (end !== undefined) return { kind: 'end', name: end.toLowerCase(), parameters: [], line }
  if (begin !== undefined) {
    const parameters = words(rest.replace(/>[^>]*$/, ''))
    return { kind: 'begin', name: begin.toLowerCase(), parameters, line }
  }
  if (name === undefined) return undefined
  return { kind: 'directive', name: name.toLowerCase(), parameters: words(rest), line }
}

function words(text: string): readonly string[] {
  return [...text.matchAll(WORD)].map(({ groups }) => {
    const quoted = groups?.['double'] ?? groups?.['single']
    return quoted === undefined ? (groups?.['bare'] ?? '') : quoted.replace(/\\(["'\\])/g, '$1')
  })
}

const LINE = /^(?:<\/(?<end>[^\s>]+)|<(?<begin>[^\s>]+)|(?<name>[^\s<]\S*))(?<rest>[\s\S]*)$/
const WORD = /"(?<double>(?:[^"\\]|\\.)*)"?|'(?<single>(?:[^'\\]|\\.)*)'?|(?<bare>[^\s"']\S*)/g
const EXPORT = /^\s*export\s+(\w+)=("[^"\n]*"|'[^'\n]*'|[^\s#]*)/gm
