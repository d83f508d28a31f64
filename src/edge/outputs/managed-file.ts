import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type EpochMs, iso } from '../../der/time.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { removeDurably, removeLeftovers, writeDurably } from '../durable-file.ts'

/** What an output needs of a certificate; `CertificateRecord` of the store has it. */
export interface OutputCertificate {
  readonly id: string
  readonly der: Uint8Array
  readonly name: string
  readonly sources: readonly string[]
  readonly notAfter: EpochMs
}

/** What a file output tells. A failure is told each time that it is seen: at the change and at every sweep. */
export interface FileOutputEvents {
  fileWritten(event: { readonly path: string; readonly certificate: string }): void
  fileRemoved(event: { readonly path: string; readonly reason: string }): void
  /** The file could not be written or removed; the next sweep tries again. */
  fileFailed(event: { readonly path: string; readonly error: unknown }): void
  /** Several certificates have the same path; told once for each set of names. */
  filesCollide(event: {
    readonly path: string
    readonly written: string
    readonly left: readonly string[]
  }): void
}

/** What a managed file needs. */
export interface ManagedFileOptions {
  /** Default: 0o644. Staples are public. */
  readonly mode?: number
  readonly now: () => EpochMs
  readonly events: FileOutputEvents
  /** Called after each file written or removed: `reloader.request`. */
  readonly changed: () => void
}

/** A certificate that wants its staple at a path. */
export interface FileClaim {
  readonly certificate: OutputCertificate
  readonly staple: Staple
}

/**
 * One path: who wants it, and what is on disk, which is read again each time, never remembered. Of several certificates the one that is
 * valid longest gets it, so a renewed one follows the old one; then the one with the lower fingerprint.
 */
export class ManagedFile {
  readonly path: string
  readonly #options: ManagedFileOptions
  readonly #sweptDirectories: Set<string>
  readonly #claims = new Map<string, FileClaim>()
  #toldCollision = ''
  #lastFailed = false
  #busy: Promise<void> = Promise.resolve()

  constructor(path: string, options: ManagedFileOptions, sweptDirectories: Set<string>) {
    this.path = path
    this.#options = options
    this.#sweptDirectories = sweptDirectories
  }

  /** Nobody wants it and nothing is left to do. */
  get isIdle(): boolean {
    return this.#claims.size === 0 && !this.#lastFailed
  }

  claim(claim: FileClaim): void {
    this.#claims.set(claim.certificate.id, claim)
  }

  release(id: string): void {
    this.#claims.delete(id)
  }

  /** Makes the disk as it should be, one change at a time. */
  reconcile(): Promise<void> {
    this.#busy = this.#busy.then(async () => {
      try {
        await this.#sweepDirectory()
        await this.#makeSo()
        this.#lastFailed = false
      } catch (error) {
        this.#lastFailed = true
        this.#options.events.fileFailed({ path: this.path, error })
      }
    })
    return this.#busy
  }

  async #makeSo(): Promise<void> {
    const winner = this.#winner()
    const present = await readIfPresent(this.path)
    if (winner === undefined ? present === undefined : isSame(present, winner.staple.der)) return
    if (present !== undefined && !isOurs(present)) {
      throw new ForeignFileError(
        `${this.path} holds something else than an OCSP response; choose another path for the output, or move the file away`,
      )
    }
    if (winner === undefined) {
      await removeDurably(this.path)
      this.#options.events.fileRemoved({ path: this.path, reason: this.#whyGone() })
    } else {
      await writeDurably(this.path, winner.staple.der, this.#options.mode ?? DEFAULT_MODE)
      this.#options.events.fileWritten({ path: this.path, certificate: winner.certificate.name })
    }
    this.#options.changed()
  }

  #winner(): FileClaim | undefined {
    const now = this.#options.now()
    const [winner, ...others] = [...this.#claims.values()]
      .filter(({ staple }) => staple.usableUntil > now)
      .sort((a, b) => precedence(a.certificate, b.certificate))
    const left = others.map(({ certificate }) => certificate.name)
    const collision = left.join()
    if (winner !== undefined && left.length > 0 && collision !== this.#toldCollision) {
      const written = winner.certificate.name
      this.#options.events.filesCollide({ path: this.path, written, left })
    }
    this.#toldCollision = collision
    return winner
  }

  #whyGone(): string {
    const [claim] = this.#claims.values()
    return claim === undefined
      ? 'no certificate with a usable staple has this path'
      : `the staple was usable until ${iso(claim.staple.usableUntil)}`
  }

  /** Temporary files of a former life, once per folder. */
  async #sweepDirectory(): Promise<void> {
    const directory = dirname(this.path)
    if (this.#sweptDirectories.has(directory)) return
    this.#sweptDirectories.add(directory)
    await removeLeftovers(directory)
  }
}

/** The file at the path of a staple belongs to somebody else. */
export class ForeignFileError extends Error {
  override readonly name = 'ForeignFileError'
  readonly code = 'FOREIGN_FILE'
}

function precedence(a: OutputCertificate, b: OutputCertificate): number {
  return b.notAfter - a.notAfter || (a.id < b.id ? -1 : 1)
}

async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    // For these, writing says what to do.
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined
    throw error
  }
}

function isSame(present: Buffer | undefined, wanted: Uint8Array): boolean {
  return present?.equals(wanted) ?? false
}

/** Empty, as HAProxy's bootstrap wants it, or a SEQUENCE that begins with an ENUMERATED: an OCSPResponse, not a certificate or a key. */
function isOurs(present: Buffer): boolean {
  if (present.length === 0) return true
  const lengthOctets = (present[1] ?? 0) < 0x80 ? 1 : 1 + ((present[1] ?? 0) & 0x7f)
  return present[0] === 0x30 && present[1 + lengthOctets] === 0x0a
}

const DEFAULT_MODE = 0o644
