import { dirname } from 'node:path'
import { type ConfigurationLines, type LinesInput, quoted } from './configuration-lines.ts'
import { outputLines } from './everstaple-lines.ts'

/**
 * A file for each certificate in the folder that Hitch watches, named by the MD5 of the path of the certificate. The folder belongs to
 * everstaple: Hitch, which may not write there, does not put what it fetched itself in the place of ours.
 */
export function hitchLines(input: LinesInput): ConfigurationLines {
  const { certificates, configured } = input
  const { file = '/var/lib/everstaple-hitch/{source-md5}' } = configured
  const folder = dirname(file)
  return {
    server: [
      {
        place: `once, after: install -d -m 755 ${folder}`,
        lines: [`ocsp-dir = ${quoted(folder)}`],
      },
      ...certificates.map((certificate) => ({
        place: `${certificate.name}: written just so, as the name of the staple's file depends on it`,
        lines: [`pem-file = ${quoted(certificate.file)}`],
      })),
    ],
    everstaple: outputLines({ server: 'hitch', file, ...configured }),
  }
}
