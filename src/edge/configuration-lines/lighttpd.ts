import {
  type ConfigurationLines,
  type LinesInput,
  quoted,
  staplePath,
} from './configuration-lines.ts'
import { outputLines } from './everstaple-lines.ts'

/** A file for each certificate. lighttpd looks at it again only when the staple that it has is about to expire, so it is reloaded. */
export function lighttpdLines(input: LinesInput): ConfigurationLines {
  const { certificates, configured } = input
  const { file = '{source}.lighttpd.ocsp' } = configured
  return {
    server: certificates.map((certificate) => ({
      place: `beside ssl.pemfile = ${quoted(certificate.file)} (${certificate.name})`,
      lines: [`ssl.stapling-file = ${quoted(staplePath(file, certificate))}`],
    })),
    everstaple: outputLines({
      server: 'lighttpd',
      file,
      test: 'lighttpd -tt -f /etc/lighttpd/lighttpd.conf',
      reload: 'systemctl reload lighttpd',
      ...configured,
    }),
  }
}
