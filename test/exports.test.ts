import { parseSync } from 'oxc-parser'
import { describe, expect, it, test } from 'vitest'
import { textOf } from './_source-files.ts'

/**
 * The public surface, sorted: every name, types too, is a promise to users. Adding one is a decision; taking one away breaks
 * somebody.
 */
const surface: Readonly<Record<string, readonly string[]>> = {
  'src/index.ts': [
    'Clock',
    'Config',
    'ConfigSource',
    'Events',
    'Log',
    'Service',
    'ServiceWorld',
    'createEvents',
    'loadConfig',
    'startService',
    'systemClock',
  ],
  'src/ocsp/index.ts': [
    'CertID',
    'CertStatus',
    'Certificate',
    'ClientName',
    'DerError',
    'EpochMs',
    'Explanation',
    'Finding',
    'JudgeInput',
    'Malformed',
    'OcspResponse',
    'Policy',
    'Remedy',
    'SignerExplanation',
    'Sloppiness',
    'Staple',
    'Subject',
    'Verdict',
    'certID',
    'certIDKey',
    'clientNames',
    'defaultPolicy',
    'encodeRequest',
    'epochMs',
    'explain',
    'findIssuer',
    'judge',
    'parseCertificate',
    'parseRequest',
    'parseResponse',
    'responseStatusName',
  ],
  'src/tls/index.ts': [
    'EverstapleClient',
    'EverstapleOptions',
    'HandshakeStaples',
    'NotStapledError',
    'everstaple',
    'stapleFrom',
  ],
}
const entries = Object.keys(surface)

describe('the published entries', () => {
  it('are these files and no other', () => {
    const { exports } = JSON.parse(textOf('package.json'))
    const built = entries.map((file) => file.replace(/^src(.*)\.ts$/, './dist$1.js'))
    expect(Object.values(exports)).toEqual(built)
  })
  test.each(entries)('%s exports exactly the names that are listed here', (file) => {
    expect(exportedNames(file)).toEqual(surface[file])
  })
  test.each(entries)('%s only re-exports, name by name', (file) => {
    const { body } = parseSync(file, textOf(file)).program
    const isReExport = (statement: (typeof body)[number]) =>
      statement.type === 'ExportNamedDeclaration' && statement.source !== null
    expect(body.every(isReExport)).toBe(true)
  })
})

function exportedNames(file: string): readonly string[] {
  const { staticExports } = parseSync(file, textOf(file)).module
  return staticExports
    .flatMap(({ entries }) => entries.map(({ exportName }) => exportName.name ?? '*'))
    .sort()
}
