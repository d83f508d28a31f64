import { type EpochMs, epochMs } from '../der/time.ts'
import type { FailureReason } from './connection-failure.ts'
import type { Outcome } from './outcome.ts'
import type { ServerCheck } from './server-check.ts'
import { completed, failed } from './verdict.ts'

/** Whose handshakes are counted together. */
export interface CountKey {
  /** The server as it was written: `www.example.org:443`. */
  readonly server: string
  /** The name of its certificate; empty where no handshake came about. */
  readonly certificate: string
  /** The kind of its key; empty where no handshake came about. */
  readonly key: 'rsa' | 'ecdsa' | ''
}

/** Handshakes of one server and certificate that ended the same way. */
export interface Count extends CountKey {
  readonly outcome: Outcome | FailureReason
  readonly handshakes: number
}

/** Until when the staple that was last seen may be used. */
export interface LastStaple extends CountKey {
  readonly usableUntil: EpochMs
}

/** Counts the handshakes of checks, by server, certificate and outcome. */
export class Tally {
  readonly #counts = new Map<string, Count>()
  readonly #staples = new Map<string, LastStaple>()
  /** Handshakes of each server's last check in which there were any. */
  readonly #cameAbout = new Map<string, number>()
  readonly #checkedAt = new Map<string, EpochMs>()

  add(check: ServerCheck): void {
    const server = check.target
    this.#checkedAt.set(server, epochMs(Date.parse(check.at)))
    const done = completed(check)
    if (done.length > 0) {
      this.#forgetStaples(server)
      this.#cameAbout.set(server, done.length)
    }
    for (const { key, certificate, outcome, staple } of done) {
      const counted = { server, certificate: certificate.name, key }
      this.#count({ ...counted, outcome })
      if (outcome === 'stapled') this.#keepStaple(counted, staple?.usableUntil)
    }
    // A server that is away counts for as many handshakes as when it is there.
    const most = done.length > 0 ? Number.POSITIVE_INFINITY : (this.#cameAbout.get(server) ?? 1)
    for (const { reason } of failed(check).slice(0, most)) {
      this.#count({ server, certificate: '', key: '', outcome: reason })
    }
  }

  /** In the order in which they were first seen. */
  get counts(): readonly Count[] {
    return [...this.#counts.values()]
  }

  get lastStaples(): readonly LastStaple[] {
    return [...this.#staples.values()]
  }

  /** When each server was last checked. */
  get checkedAt(): ReadonlyMap<string, EpochMs> {
    return this.#checkedAt
  }

  #count(counted: Omit<Count, 'handshakes'>): void {
    const key = `${id(counted)}\0${counted.outcome}`
    const known = this.#counts.get(key)
    if (known === undefined && this.#counts.size === MAX_COUNTS) return
    this.#counts.set(key, { ...counted, handshakes: (known?.handshakes ?? 0) + 1 })
  }

  /** The one that ends first, where TLS 1.2 and 1.3 differ. */
  #keepStaple(counted: CountKey, until: string | null | undefined): void {
    if (until === null || until === undefined) return
    const known = this.#staples.get(id(counted))?.usableUntil ?? Number.POSITIVE_INFINITY
    const usableUntil = epochMs(Math.min(known, Date.parse(until)))
    this.#staples.set(id(counted), { ...counted, usableUntil })
  }

  #forgetStaples(server: string): void {
    for (const [key, staple] of this.#staples) {
      if (staple.server === server) this.#staples.delete(key)
    }
  }
}

/** How many handshakes there were, and how many of them were as they should be. */
export function share(counts: readonly Count[]): { readonly good: number; readonly all: number } {
  const sum = (some: readonly Count[]) => some.reduce((total, one) => total + one.handshakes, 0)
  return { good: sum(counts.filter(({ outcome }) => isGood(outcome))), all: sum(counts) }
}

/** Whether a handshake with this outcome was as it should be. */
export function isGood(outcome: Count['outcome']): boolean {
  return outcome === 'stapled' || outcome === 'no-ocsp-url'
}

function id({ server, certificate, key }: CountKey): string {
  return [server, certificate, key].join('\0')
}

/** A server that answers with another name each time must not fill the memory: what is new beyond this is not counted. */
const MAX_COUNTS = 10_000
