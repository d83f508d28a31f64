/** One directive: a simple one, or with a block of further ones. */
export interface NginxDirective {
  readonly name: string
  readonly parameters: readonly string[]
  /** From 1. */
  readonly line: number
  readonly block: readonly NginxDirective[] | undefined
}

/**
 * Reads a configuration file of nginx, as its core does: words, quoted ones, `;`, blocks and comments. What it does not understand it
 * passes over; where the text ends in the middle, or nests without end, all that is open ends there. Never throws.
 */
export function parseNginx(text: string): readonly NginxDirective[] {
  const tokens = tokensOf(text)
  const top: NginxDirective[] = []
  const open: NginxDirective[][] = [top]
  let words: Word[] = []
  const close = (block: NginxDirective[] | undefined) => {
    const [first, ...others] = words
    words = []
    if (first === undefined) return
    const parameters = others.map((word) => word.text)
    open.at(-1)?.push({ name: first.text, parameters, line: first.line, block })
  }
  for (const token of tokens) {
    if (token.kind === 'word') words.push(token)
    else if (token.kind === ';') close(undefined)
    else if (token.kind === '{') {
      const block: NginxDirective[] = []
      if (words.length === 0) words.push({ kind: 'word', text: '', line: token.line })
      close(block)
      if (open.length > MAX_DEPTH) return top
      open.push(block)
    } else {
      words = []
      if (open.length > 1) open.pop()
    }
  }
  return top
}

interface Word {
  readonly kind: 'word'
  readonly text: string
  readonly line: number
}

type Token = Word | { readonly kind: ';' | '{' | '}'; readonly line: number }

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  let line = 1
  for (let at = 0; at < text.length; ) {
    TOKEN.lastIndex = at
    const { comment, mark, double, single, word } = TOKEN.exec(text)?.groups ?? {}
    const start = at
    at = Math.max(TOKEN.lastIndex, at + 1)
    const quoted = double ?? single
    if (mark === ';' || mark === '{' || mark === '}') tokens.push({ kind: mark, line })
    else if (quoted !== undefined) {
      tokens.push({ kind: 'word', text: quoted.replace(/\\(["'\\])/g, '$1'), line })
    } else if (word !== undefined) tokens.push({ kind: 'word', text: unescaped(word), line })
    else if (comment === undefined && /\S/.test(text.charAt(start))) {
      // A quote without its end: all of the rest is inside.
      return tokens
    }
    line += linesIn(text, start, at)
    if (mark === '{' && isForeignCode(tokens)) {
      const end = endOfCode(text, at)
      line += linesIn(text, at, end)
      at = end
    }
  }
  return tokens
}

function unescaped(word: string): string {
  return word.replace(/\\([\s"'\\;{}])/g, '$1')
}

function linesIn(text: string, from: number, to: number): number {
  let lines = 0
  for (let i = from; i < to; i += 1) if (text.charCodeAt(i) === NEW_LINE) lines += 1
  return lines
}

/** `content_by_lua_block {` and the like, of which only the braces count. */
function isForeignCode(tokens: readonly Token[]): boolean {
  for (let i = tokens.length - 2; i >= 0; i -= 1) {
    const token = tokens[i]
    if (token?.kind !== 'word') return false
    if (/_by_\w+_block$/.test(token.text)) return true
  }
  return false
}

/** The place of the brace that closes the code. */
function endOfCode(text: string, from: number): number {
  let depth = 1
  for (let i = from; i < text.length; i += 1) {
    const character = text.charAt(i)
    if (character === '{') depth += 1
    else if (character === '}') depth -= 1
    if (depth === 0) return i
  }
  return text.length
}

/** A quote and a `#` are special only where a word begins; `${name}` is part of a word. */
const TOKEN =
  /\s+|(?<comment>#[^\n]*)|(?<mark>[;{}])|"(?<double>[^"\\]*(?:\\[\s\S][^"\\]*)*)"|'(?<single>[^'\\]*(?:\\[\s\S][^'\\]*)*)'|(?<word>(?:\\[\s\S]|\$\{[^}\s]*\}?|[^\s;{}"'\\])(?:\\[\s\S]|\$\{[^}\s]*\}?|[^\s;{}\\])*)/y
const NEW_LINE = 10
/** Blocks in blocks; a location in a location in a server in http is 4. */
const MAX_DEPTH = 64
