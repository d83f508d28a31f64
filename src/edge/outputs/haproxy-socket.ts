import { type DurationMs, durationMs, type EpochMs, iso, SECOND_MS } from '../../der/time.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { stapleDigest } from '../../store/staple-digest.ts'
import type { Clock } from '../../time/clock.ts'
import { stapleFacts, targets, whyMishandled } from '../targets.ts'
import type { FileFact, OutputCertificate } from './file-plan.ts'
import { askHaproxy } from './haproxy-runtime.ts'

/** What the socket output tells; each once, until it is another. */
export interface HaproxySocketEvents {
  socketTold(event: { readonly socket: string; readonly certificate: string }): void
  /** HAProxy refused a staple, or could not be asked; the next sweep tries again. */
  socketFailed(event: {
    readonly socket: string
    readonly certificate: string
    readonly problem: string
  }): void
  /** HAProxy runs as another process than before: all staples are given again. */
  haproxyRestarted(event: { readonly socket: string }): void
}

/** How a socket output is set up. */
export interface HaproxySocketOptions {
  /** Path of the UNIX socket of `stats socket`, or HOST:PORT. */
  readonly socket: string
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly events: HaproxySocketEvents & {
    stapleWithheld(event: {
      readonly place: string
      readonly certificate: string
      readonly problem: string
    }): void
  }
  /** What was last noted of a certificate, by this life or a former one. */
  readonly known: (id: string) => FileFact | undefined
  /** Called each time that a certificate was looked after; says whether that is new. */
  readonly noted: (id: string, fact: FileFact) => 'new' | 'same'
  /** `file`: it finds staples beside the certificates when it starts. */
  readonly startsWith: 'file' | 'nothing'
  /** Makes HAProxy start anew, where there is a way: the only one to take a staple back. */
  readonly reload: (() => void) | undefined
  /** Default: {@link askHaproxy}. */
  readonly ask?: (socket: string, command: string) => Promise<string>
}

/**
 * Gives staples to a running HAProxy by `set ssl ocsp-response`. One command at a time. What HAProxy has is gone when it
 * starts anew, which a sweep sees by its process number and age, and then gives everything again. No method rejects.
 *
 * Each claim has in `live` the staple that HAProxy took and has still; `undefined` makes the next sweep give it again.
 */
export class HaproxySocket {
  readonly #options: HaproxySocketOptions
  readonly #ask: (command: string) => Promise<string>
  readonly #claims = new Map<string, Claim>()
  #process: HaproxyProcess | undefined
  #busy: Promise<void> = Promise.resolve()

  constructor(options: HaproxySocketOptions) {
    const { socket, ask = askHaproxy } = options
    this.#options = options
    this.#ask = (command) => ask(socket, command)
  }

  /** Makes HAProxy have the staple; without one, none. Resolves when it has answered or was told as failed. */
  apply(certificate: OutputCertificate, staple: Staple | undefined): Promise<void> {
    return this.#inTurn(async () => {
      const live = this.#claims.get(certificate.id)?.live
      const claim = { certificate, staple, live }
      this.#claims.set(certificate.id, claim)
      await this.#settle(claim)
    })
  }

  /** The certificate is no longer managed. HAProxy drops its staple by itself in time; until then it is right for that certificate. */
  withdraw({ id }: OutputCertificate): Promise<void> {
    return this.#inTurn(async () => {
      this.#claims.delete(id)
    })
  }

  /** Gives again what HAProxy refused, or lost with its process. For every minute or so. */
  sweep(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#claims.size === 0) return
      const seen = await this.#look()
      const claims = [...this.#claims.values()]
      const wanting = claims.filter(({ staple }) => staple !== undefined)
      if (seen.kind !== 'same') for (const claim of wanting) claim.live = undefined
      if (seen.kind === 'silent') return this.#tellSilence(wanting, seen.problem)
      for (const claim of wanting) await this.#settle(claim)
      if (seen.kind !== 'restarted') return
      for (const { certificate, staple } of claims) {
        if (staple === undefined) this.#options.noted(certificate.id, NO_STAPLE)
      }
    })
  }

  /** Nobody is asked again for each certificate, as that may take seconds each time. */
  #tellSilence(wanting: readonly Claim[], problem: string): void {
    const { events, socket, noted } = this.#options
    const fact = { state: 'failed', stapleSha256: undefined, problem } as const
    const news = wanting.filter(({ certificate }) => noted(certificate.id, fact) === 'new')
    const [first, ...more] = news.map(({ certificate }) => certificate.name)
    if (first === undefined) return
    const certificate = more.length === 0 ? first : `${first} and ${more.length} more`
    events.socketFailed({ socket, certificate, problem })
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#busy = this.#busy.then(work)
    return this.#busy
  }

  async #settle(claim: Claim): Promise<void> {
    const { clock, events, socket, noted } = this.#options
    const { certificate, live } = claim
    const staple = claim.staple && claim.staple.usableUntil > clock.now() ? claim.staple : undefined
    if (staple === undefined) return this.#takeBack(claim)
    const problem = objection(staple, clock.now())
    if (problem !== undefined) {
      const stays =
        live !== undefined && isStapled(live, clock.now()) ? stapleDigest(live.der) : undefined
      const fact = { state: 'withheld', problem, stapleSha256: stays } as const
      const isNews = noted(certificate.id, fact) === 'new'
      if (isNews) events.stapleWithheld({ place: socket, certificate: certificate.name, problem })
    } else if (live === undefined || Buffer.compare(live.der, staple.der) !== 0) {
      await this.#give(claim, staple)
    }
  }

  async #give(claim: Claim, staple: Staple): Promise<void> {
    const { events, socket, noted } = this.#options
    const { id, name } = claim.certificate
    const problem = await this.#told(`set ssl ocsp-response ${base64(staple.der)}`)
    if (problem === undefined) {
      claim.live = staple
      const stapleSha256 = stapleDigest(staple.der)
      noted(id, { state: 'live', stapleSha256, problem })
      events.socketTold({ socket, certificate: name })
    } else if (NO_ENTRY.test(problem) && this.#options.startsWith === 'file') {
      // A deploy hook reloads HAProxy once the staple is where it is read from then.
      noted(id, { state: 'live', stapleSha256: undefined, problem: UNREAD })
    } else {
      const isNews = noted(id, { state: 'failed', stapleSha256: undefined, problem }) === 'new'
      if (isNews) events.socketFailed({ socket, certificate: name, problem })
    }
  }

  /** What HAProxy has against a staple; `undefined` where it took it. */
  async #told(command: string): Promise<string | undefined> {
    try {
      const answer = await this.#ask(command)
      if (answer.includes('OCSP Response updated!')) return undefined
      const hint = NO_ENTRY.test(answer) ? `; ${HINT}` : ''
      return `HAProxy says ${JSON.stringify(answer)}${hint}`
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  /** There is no command for that: HAProxy staples what it has until 300 s before its nextUpdate. */
  #takeBack(claim: Claim): void {
    const { clock, known, noted, reload } = this.#options
    const { certificate } = claim
    // Whether HAProxy has it still is not known where it started anew since.
    const live = claim.live ?? claim.staple
    const before = known(certificate.id)
    const isNone = claim.live === undefined && before?.stapleSha256 === undefined
    claim.live = undefined
    const isOver = live !== undefined && !isStapled(live, clock.now())
    if (isNone || isOver || reload !== undefined) {
      if (!isNone && !isOver) reload?.()
      noted(certificate.id, NO_STAPLE)
      return
    }
    const stapleSha256 = live === undefined ? before?.stapleSha256 : stapleDigest(live.der)
    if (before?.state === 'failed' && before.stapleSha256 === stapleSha256) return
    const until = live === undefined ? '' : `, ${iso(live.nextUpdate)}`
    const problem = `HAProxy cannot be told to forget a staple: it gives it until 300 s before its nextUpdate${until}; reload it, or give a reload command`
    noted(certificate.id, { state: 'failed', stapleSha256, problem })
  }

  /** Whether HAProxy is the process that it was at the last look. */
  async #look(): Promise<Look> {
    const { clock, events, socket } = this.#options
    const before = this.#process
    let info: string
    try {
      info = await this.#ask('show info')
    } catch (error) {
      this.#process = undefined
      return { kind: 'silent', problem: error instanceof Error ? error.message : String(error) }
    }
    const [, pid = ''] = /^Pid: (\d+)$/m.exec(info) ?? []
    const [, uptime = '0'] = /^Uptime_sec: (\d+)$/m.exec(info) ?? []
    const startedAt = clock.monotonic() - Number(uptime) * SECOND_MS
    this.#process = { pid, startedAt }
    if (before === undefined) return { kind: 'unknown' }
    // In a container every process is number 1. An age is told in whole seconds.
    const isSameAge = Math.abs(before.startedAt - startedAt) < AGE_TOLERANCE
    if (before.pid === pid && isSameAge) return { kind: 'same' }
    events.haproxyRestarted({ socket })
    return { kind: 'restarted' }
  }
}

/** Whether the process that answers is the one of the last look, or why none does. */
type Look =
  | { readonly kind: 'same' | 'restarted' | 'unknown' }
  | { readonly kind: 'silent'; readonly problem: string }

interface Claim {
  readonly certificate: OutputCertificate
  readonly staple: Staple | undefined
  live: Staple | undefined
}

interface HaproxyProcess {
  readonly pid: string
  /** By the monotonic clock. */
  readonly startedAt: number
}

function objection({ der }: Staple, now: EpochMs): string | undefined {
  const facts = stapleFacts(der)
  return facts && whyMishandled('haproxy', facts, { now, way: 'socket' })
}

function isStapled({ nextUpdate }: Staple, now: EpochMs): boolean {
  return nextUpdate - targets.haproxy.leastLeft > now
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

const NO_STAPLE: FileFact = {
  state: 'withdrawn',
  stapleSha256: undefined,
  problem: 'there is no usable staple',
}
const NO_ENTRY = /does not match any certificate/
const HINT =
  'it has a place for a staple only where an .ocsp file, which may be empty, was beside the certificate when it started'
const UNREAD =
  'HAProxy has not read this certificate yet: it takes the staple from its file when it is reloaded'
const AGE_TOLERANCE: DurationMs = durationMs(2_500)
