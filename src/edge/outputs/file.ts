import { isAbsolute } from 'node:path'
import type { Staple } from '../../ocsp/verdict.ts'
import { parseCertificate } from '../../x509/certificate.ts'
import type { Found, OutputCertificate } from './file-plan.ts'
import { ManagedFile, type ManagedFileOptions } from './managed-file.ts'
import { type PathTemplate, pathTemplate } from './path-template.ts'

/** How a file output is set up. */
export interface FileOutputOptions extends ManagedFileOptions {
  /** See {@link pathTemplate}. */
  readonly path: string
}

/** Keeps a file per certificate. No method rejects: what fails is told and mended by a later {@link FileOutput.sweep}. */
export interface FileOutput {
  /**
   * Makes the files hold the staple; nothing is written where they do already. Resolves when the files are durable, or
   * were told as failed. Without a staple, they hold what the server needs in its place, which may be nothing, or the good one that was
   * `found` there. Default: it `goes`.
   */
  apply(certificate: OutputCertificate, staple: Staple | undefined, found?: Found): Promise<void>
  /**
   * Removes the files: the certificate is no longer managed, or can have no staple. At start, apply what has a staple first:
   * another certificate may have the same path.
   */
  withdraw(certificate: OutputCertificate): Promise<void>
  /**
   * Removes staples past their usableUntil, tries again what failed, and mends files that somebody else changed. For
   * every minute or so.
   */
  sweep(): Promise<void>
  /** The paths of a certificate. */
  paths(certificate: OutputCertificate): readonly string[]
}

/**
 * Staples as DER in files, for servers that read them from there. Where several certificates have the same path, one gets it
 * (`planFile`), the others are told; when it goes, the next one gets the path. A file there that is neither empty nor an OCSP response is somebody else's and never touched. Throws a `PathTemplateError`.
 */
export function fileOutput(options: FileOutputOptions): FileOutput {
  const template = pathTemplate(options.path)
  const files = new Map<string, ManagedFile>()
  const pathsById = new Map<string, readonly string[]>()
  const sweptDirectories = new Set<string>()

  const fileAt = (path: string) => {
    const known = files.get(path)
    if (known !== undefined) return known
    const made = new ManagedFile(path, options, sweptDirectories)
    files.set(path, made)
    return made
  }
  const settle = async (changed: Iterable<ManagedFile>) => {
    for (const file of changed) {
      await file.reconcile()
      if (file.isIdle && files.get(file.path) === file) files.delete(file.path)
    }
  }
  /** The files that the certificate had so far, no longer claimed by it. */
  const released = (id: string) => {
    const had = (pathsById.get(id) ?? []).map(fileAt)
    for (const file of had) file.release(id)
    pathsById.delete(id)
    return had
  }
  return {
    async apply(certificate, staple, found = 'goes') {
      // A certificate that moved gives up the paths that are no longer its own.
      const had = released(certificate.id)
      const paths = pathsOf(template, certificate)
      pathsById.set(certificate.id, paths)
      const own = paths.map(fileAt)
      for (const file of own) file.claim({ certificate, staple, found })
      await settle(new Set([...had, ...own]))
    },
    async withdraw(certificate) {
      // Also where nothing was applied: the files may be there from before a restart.
      const own = pathsOf(template, certificate).map(fileAt)
      await settle(new Set([...released(certificate.id), ...own]))
    },
    async sweep() {
      await settle([...files.values()])
    },
    paths: (certificate) => pathsOf(template, certificate),
  }
}

function pathsOf(template: PathTemplate, certificate: OutputCertificate): readonly string[] {
  const parsed = parseCertificate(certificate.der)
  const serial = 'kind' in parsed ? '' : Buffer.from(parsed.serialNumber).toString('hex')
  // A certificate that the API gave has a source that is no file.
  const sources = certificate.sources.filter((source) => isAbsolute(source))
  return template({ ...certificate, sources, serial })
}
