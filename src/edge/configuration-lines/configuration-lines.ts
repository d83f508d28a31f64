import { pathTemplate } from '../outputs/path-template.ts'
import type { ConfiguredOutput } from './everstaple-lines.ts'

/** A managed certificate that can have a staple, as servers are configured with it. */
export interface ServedCertificate {
  /** SHA-256 of the certificate, lower-case hex. */
  readonly id: string
  /** Hex of the serial number. */
  readonly serial: string
  /** Its first dNSName, without control characters. */
  readonly name: string
  readonly dnsNames: readonly string[]
  readonly key: 'rsa' | 'ec' | 'other'
  readonly ocspUrls: readonly string[]
  /** Absolute path of the file that the server is given; the issuer's certificate is in it too. */
  readonly file: string
}

/** What lines are made from. */
export interface LinesInput {
  /** At least one. */
  readonly certificates: readonly ServedCertificate[]
  /** Where our OCSP endpoint is for servers of this machine: `http://127.0.0.1:8888/ocsp/`. */
  readonly endpoint: string
  /** What the configuration has for it, such as `0.0.0.0:8888`. Default: its host and port. */
  readonly listen?: string
  /** What the configuration has for this server already: it stays. */
  readonly configured: ConfiguredOutput
}

/** Lines that belong together, and where in the server's configuration. */
export interface PlacedLines {
  readonly place: string
  readonly lines: readonly string[]
}

/** What to paste. */
export interface ConfigurationLines {
  readonly server: readonly PlacedLines[]
  /** YAML for the configuration of everstaple. */
  readonly everstaple: readonly string[]
}

/** The lines for one kind of server. Pure. */
export type LinesFor = (input: LinesInput) => ConfigurationLines

/** Where an output with this path template puts the staple of the certificate that the server is given. */
export function staplePath(template: string, certificate: ServedCertificate): string {
  return pathTemplate(template)({ ...certificate, sources: [certificate.file] })[0] ?? ''
}

/** A string in double quotes, as the configurations of most servers have them. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** Certificates by what servers have side by side: for the same names, each with another kind of key, in the order of the kinds. */
export function bySameNames(
  certificates: readonly ServedCertificate[],
): readonly (readonly ServedCertificate[])[] {
  const byNames = Map.groupBy(certificates, ({ dnsNames }) => [...dnsNames].sort().join())
  return [...byNames.values()].flatMap((same) => {
    const kinds = new Set(same.map(({ key }) => key))
    // Two with the same kind of key are for two servers, or one follows the other.
    if (kinds.size < same.length) return same.map((one) => [one])
    return [same.sort((a, b) => (a.key < b.key ? -1 : 1))]
  })
}
