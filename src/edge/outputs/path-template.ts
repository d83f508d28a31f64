import { createHash } from 'node:crypto'
import { basename, dirname, extname, isAbsolute } from 'node:path'

/** What a path template is filled from. */
export interface TemplateInput {
  /** SHA-256 of the certificate, lower-case hex. */
  readonly id: string
  /** What people call the certificate. It comes from the certificate: untrusted. */
  readonly name: string
  /** Hex of the serial number. */
  readonly serial: string
  /** Absolute paths of the files that the certificate was found in. */
  readonly sources: readonly string[]
}

/** Gives the paths of a certificate: one per source where the template names the source, else one. */
export type PathTemplate = (input: TemplateInput) => readonly string[]

/** A template cannot be used; the message says what to do. */
export class PathTemplateError extends Error {
  override readonly name = 'PathTemplateError'
  readonly code = 'PATH_TEMPLATE'
}

/**
 * Reads a path template. Placeholders that come from the file in which the certificate was found: `{source}` its whole path,
 * `{dir}` its folder, `{dir-name}` the name of that folder (certbot's `live/example.org/fullchain.pem`: `example.org`), `{name}` its
 * name without extension, `{source-md5}` the MD5 of its path in hex, by which Hitch names staples. From the certificate:
 * `{domain}` its first name made safe (`*` becomes `_`), `{fingerprint}`, `{serial}` in hex. Throws a {@link PathTemplateError}.
 */
export function pathTemplate(template: string): PathTemplate {
  const used = [...template.matchAll(PLACEHOLDER)].map(([, name]) => name ?? '')
  for (const name of used) {
    if (FROM_SOURCE.has(name) || FROM_CERTIFICATE.has(name)) continue
    const known = [...FROM_SOURCE.keys(), ...FROM_CERTIFICATE.keys()]
    throw new PathTemplateError(
      `output path '${template}' has the unknown placeholder {${name}}; use ${known.map((k) => `{${k}}`).join(', ')}`,
    )
  }
  if (!isAbsolute(template) && !/^\{(source|dir)\}/.test(template)) {
    throw new PathTemplateError(
      `output path '${template}' is not absolute; begin it with /, {source} or {dir}`,
    )
  }
  if (template.endsWith('/') || template === '{source}' || template === '{dir}') {
    throw new PathTemplateError(
      `output path '${template}' names no file of its own; end it with one, such as {name}.ocsp`,
    )
  }
  const fill = (input: TemplateInput, source: string) =>
    template.replace(
      PLACEHOLDER,
      (_whole, name: string) =>
        FROM_SOURCE.get(name)?.(source) ?? FROM_CERTIFICATE.get(name)?.(input) ?? '',
    )
  if (!used.some((name) => FROM_SOURCE.has(name))) return (input) => [fill(input, '')]
  return (input) => [...new Set(input.sources.map((source) => fill(input, source)))]
}

const FROM_SOURCE: ReadonlyMap<string, (source: string) => string> = new Map([
  ['source', (source: string) => source],
  ['dir', (source: string) => dirname(source)],
  ['dir-name', (source: string) => basename(dirname(source))],
  ['name', (source: string) => basename(source, extname(source))],
  ['source-md5', (source: string) => createHash('md5').update(source).digest('hex')],
])

const FROM_CERTIFICATE: ReadonlyMap<string, (input: TemplateInput) => string> = new Map([
  ['domain', ({ name }: TemplateInput) => safeFileName(name)],
  ['fingerprint', ({ id }: TemplateInput) => id],
  ['serial', ({ serial }: TemplateInput) => serial],
])

/** A name from a certificate may hold slashes, dots in front, control characters, anything. */
function safeFileName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\./, '_')
  return safe === '' ? '_' : safe.slice(0, MAX_NAME_LENGTH)
}

const PLACEHOLDER = /\{([^{}]*)\}/g
/** A file name has at most 255 bytes; the template adds some. */
const MAX_NAME_LENGTH = 200
