import { dirname, join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { repositoryFiles, textOf } from './_source-files.ts'

const files = repositoryFiles()
const code = files.filter((path) => /\.(ts|tsx|css)$/.test(path))
const documents = files.filter((path) => path.endsWith('.md'))
const texts = [
  ...code,
  ...documents,
  ...files.filter((path) => /\.(json|ya?ml|sh)$|^\.ci\//.test(path)),
]

/** Places where anything could stand, so that in the end everything does: look for the name of the thing. */
const DUMPING_GROUND = /^_?(utils?|helpers?|common|misc|shared|lib|types|constants|managers?)$/

/** What must not be written, with what to write instead. This file, which names it all, is not looked at. */
const banned: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/, instead: 'TODO(#12), with an open issue' },
  { pattern: /\b(failed|unable) to\b/i, instead: 'what was seen, what was required, what to do' },
  {
    pattern: /\b(simply|obviously|of course)\b/i,
    instead: 'nothing: it is not simple to who asks',
  },
  { pattern: /\b(black|white)[- ]?list/i, instead: 'refused, allowed' },
  { pattern: /@ts-(ignore|nocheck)/, instead: '@ts-expect-error with a reason' },
  { pattern: /\bas any\b/, instead: 'unknown and a check' },
  { pattern: /\b(describe|it|test)\.only\b/, instead: 'the whole suite' },
  { pattern: /\b(must-?staple|stapling) (flag|bit)\b/i, instead: 'TLS feature (RFC 7633)' },
  { pattern: /\b(validFrom|validTo|expiryDate|notValidAfter)\b/, instead: 'notBefore, notAfter' },
  { pattern: /\b(thisUpd|nextUpd)\b/, instead: 'the words of RFC 6960' },
  { pattern: /(^|[\s'"`(=:])\/(work|root|Users)\//, instead: 'a path that any machine has' },
  { pattern: /\bregistry\.[a-z]/, instead: 'nothing: everybody has their own package registry' },
]

describe('names', () => {
  test.each(code)('%s says what it is for', (path) => {
    const parts = path.replace(/\..*$/, '').split('/')
    expect(parts.filter((part) => DUMPING_GROUND.test(part))).toEqual([])
  })
})

describe('words', () => {
  test.each(banned)('$pattern is nowhere: write $instead', ({ pattern }) => {
    const found = texts
      .filter((path) => path !== 'test/tidy.test.ts' && path !== 'package-lock.json')
      .flatMap((path) => linesWith(pattern, path))
    expect(found).toEqual([])
  })
})

describe('sizes', () => {
  it('no file of code has more than 400 lines', () => {
    const long = code.filter((path) => textOf(path).split('\n').length > 401)
    expect(long).toEqual([])
  })
})

describe('documents', () => {
  it('can be reached from the README', () => {
    const reached = new Set<string>()
    const visit = (path: string) => {
      if (reached.has(path) || !documents.includes(path)) return
      reached.add(path)
      for (const target of linksOf(path)) visit(target)
    }
    visit('README.md')
    expect(documents.filter((path) => !reached.has(path))).toEqual([])
  })
  test.each(documents)('%s links only to what is there', (path) => {
    const isThere = (target: string) =>
      files.some((file) => file === target || file.startsWith(`${target}/`))
    expect(linksOf(path).filter((target) => !isThere(target))).toEqual([])
  })
})

describe('package-lock.json', () => {
  it('names no package registry, so that everybody uses their own', () => {
    expect(linesWith(/"resolved"/, 'package-lock.json')).toEqual([])
  })
})

function linesWith(pattern: RegExp, path: string): readonly string[] {
  const lines = textOf(path).split('\n')
  return lines.flatMap((line, i) =>
    pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [],
  )
}

/** The files and folders of the repository that a document links to. */
function linksOf(path: string): readonly string[] {
  const targets = [...textOf(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '')
  return targets
    .filter((target) => !/^(https?:|mailto:|#)/.test(target))
    .map((target) => join(dirname(path), target.replace(/#.*$/, '')).replace(/\/$/, ''))
}
