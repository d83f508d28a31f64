/** One line of HAProxy's configuration, or of a list of certificates. */
export interface HaproxyLine {
  readonly words: readonly string[]
  /** From 1; of lines that go on, the first. */
  readonly line: number
}

/**
 * Reads a configuration file of HAProxy: words, which quotes and backslashes keep together, and comments. Never throws. Variables of the
 * environment are left as `${NAME}`, except in single quotes, where none is meant.
 */
export function parseHaproxy(text: string): readonly HaproxyLine[] {
  const lines: HaproxyLine[] = []
  let number = 1
  for (const line of text.split(/(?<!\\)\n/)) {
    const words = wordsOf(line)
    if (words.length > 0) lines.push({ words, line: number })
    number += line.split('\n').length
  }
  return lines
}

function wordsOf(line: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  for (const { groups = {} } of line.matchAll(PART)) {
    const { space, comment, escaped, double, single, plain } = groups
    if (space !== undefined || comment !== undefined) {
      if (word !== undefined) words.push(word)
      word = undefined
      if (comment !== undefined) break
    } else {
      const weak = double?.replace(/\\([\\"$#' ])/g, '$1').replace(NAME, '$${$1}')
      word = (word ?? '') + (escaped ?? weak ?? single ?? plain?.replace(NAME, '$${$1}') ?? '')
    }
  }
  if (word !== undefined) words.push(word)
  return words
}

const PART =
  /(?<space>(?:[ \t\r]|\\?\n)+)|(?<comment>#)|\\(?<escaped>[\s\S])|"(?<double>(?:[^"\\]|\\[\s\S])*)"?|'(?<single>[^']*)'?|(?<plain>[^\s\\"'#]+)/g
const NAME = /\$([A-Za-z_]\w*)/g
