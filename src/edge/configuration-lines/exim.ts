import {
  bySameNames,
  type ConfigurationLines,
  type LinesInput,
  staplePath,
} from './configuration-lines.ts'
import { outputLines } from './everstaple-lines.ts'

/**
 * A file, read anew for each connection as it stands in an expansion. Without the condition a missing file ends STARTTLS for everybody,
 * and what is no expansion is only looked at again five seconds after a change (seen with Exim 4.96, GnuTLS).
 */
export function eximLines(input: LinesInput): ConfigurationLines {
  const { certificates, configured } = input
  const { file = '{source}.exim.ocsp' } = configured
  return {
    server: bySameNames(certificates).map((group) => ({
      place: `with tls_certificate = ${group.map((each) => listed(each.file)).join(' : ')}`,
      lines: [`tls_ocsp_file = ${ifAllExist(group.map((each) => staplePath(file, each)))}`],
    })),
    everstaple: outputLines({ server: 'exim', file, ...configured }),
  }
}

/** The files, in the order of the certificates, or none: one that is missing would shift the others. */
function ifAllExist(paths: readonly string[]): string {
  const files = paths.map(expanded)
  const conditions = files.map((path) => `{exists{${path}}}`)
  const condition = files.length === 1 ? `exists{${files[0]}}` : `and{${conditions.join('')}}`
  return `\${if ${condition}{${paths.map((path) => expanded(listed(path))).join(' : ')}}}`
}

/** Escaped for Exim's expansion. */
function expanded(text: string): string {
  return text.replace(/[\\${}]/g, '\\$&')
}

/** Escaped for a list. */
function listed(path: string): string {
  return path.replaceAll(':', '::')
}
