import { sourcesWithin } from '../certificates/source.ts'
import type { DurationMs } from '../der/time.ts'
import type { Staple } from '../ocsp/verdict.ts'
import type { OutputState } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import type { OutputStates } from './output-states.ts'
import { type FileOutput, fileOutput } from './outputs/file.ts'
import type { FileFact, Found, OutputCertificate } from './outputs/file-plan.ts'
import { HaproxySocket, type HaproxySocketEvents } from './outputs/haproxy-socket.ts'
import type { FileOutputEvents, NotedFile } from './outputs/managed-file.ts'
import { type ReloadEvents, type Reloader, startReloader } from './reload.ts'
import type { CommandResult } from './shell-command.ts'
import { type ServerName, targets } from './targets.ts'

/** How staples reach one server: in files, by a socket, or both, and the command that tells it. */
export interface OutputSettings {
  /** Files and folders, absolute: certificates elsewhere are none of its. Without it, all are. */
  readonly certificates?: readonly string[] | undefined
  /** Which care to take; without it, none. */
  readonly server?: ServerName | undefined
  /** A path template, as `pathTemplate` reads it. */
  readonly file?: string | undefined
  /** HAProxy's runtime socket: a path, or HOST:PORT. */
  readonly socket?: string | undefined
  /** Run before `reload`. */
  readonly test?: string | undefined
  readonly reload?: string | undefined
  readonly debounce: DurationMs
}

/** What outputs tell. */
export type ServerOutputEvents = FileOutputEvents & HaproxySocketEvents & ReloadEvents

/** What an output works with. */
export interface ServerOutputOptions {
  readonly settings: OutputSettings
  readonly clock: Clock
  readonly events: ServerOutputEvents
  readonly states: OutputStates
  /** The staple for the certificate that bytes on disk are, judged anew. */
  readonly held: (bytes: Uint8Array, certificate: OutputCertificate) => Staple | undefined
  /** States were noted after a reload. */
  readonly reloaded: () => void
}

/**
 * One entry of the configuration. A staple is `live` in a file once the server was told of it: until the reload command has run, its
 * state is what it was before, also over a restart, after which the command runs for what is not known to be `live`.
 */
export class ServerOutput implements AsyncDisposable {
  readonly #settings: OutputSettings
  readonly #states: OutputStates
  readonly #reloaded: () => void
  readonly #file: FileOutput | undefined
  readonly #socket: HaproxySocket | undefined
  readonly #reloader: Reloader | undefined
  /** What becomes true with a reload. */
  readonly #pending = new Map<string, Pending>()
  #lastRequest = 0
  #nextRun: PromiseWithResolvers<void> = Promise.withResolvers<void>()

  constructor({ settings, clock, events, states, held, reloaded }: ServerOutputOptions) {
    const { file, socket, server, reload: command } = settings
    this.#settings = settings
    this.#states = states
    this.#reloaded = reloaded
    const finished = (result: CommandResult, covered: number) => this.#finish(result, covered)
    this.#reloader =
      command === undefined
        ? undefined
        : startReloader({ ...settings, command, clock, events, finished })
    const request = () => {
      this.#lastRequest = this.#reloader?.request() ?? 0
    }
    if (file !== undefined) {
      this.#file = fileOutput({
        path: file,
        server,
        now: () => clock.now(),
        events,
        held,
        changed: socket === undefined ? request : () => {},
        noted: (id, noted) => this.#noteFile(id, noted),
      })
    }
    if (socket !== undefined) {
      const place = { output: socket, place: socket }
      const noted = (id: string, fact: FileFact) => states.note(id, { ...place, ...fact })
      const known = (id: string) => states.find(id, place)
      const reload = this.#reloader && request
      const startsWith = file === undefined ? 'nothing' : 'file'
      this.#socket = new HaproxySocket({ socket, clock, events, known, noted, startsWith, reload })
    }
  }

  /** Brings file and socket to the staple; without one, to what the server needs in its place. */
  async apply(
    certificate: OutputCertificate,
    staple: Staple | undefined,
    found: Found,
  ): Promise<void> {
    const own = this.#own(certificate)
    this.#dropPending(certificate.id, new Set(own && this.#file?.paths(own)))
    if (own === undefined) return
    // The file first: a server that is started anew at this moment has it.
    await this.#file?.apply(own, staple, found)
    await this.#socket?.apply(own, staple)
  }

  /** The certificate is no longer managed, or can have no staple. */
  async withdraw(certificate: OutputCertificate): Promise<void> {
    const own = this.#own(certificate)
    if (own === undefined) return
    await this.#file?.withdraw(own)
    await this.#socket?.withdraw(own)
    this.#dropPending(certificate.id, new Set())
  }

  async sweep(): Promise<void> {
    await this.#file?.sweep()
    await this.#socket?.sweep()
  }

  /** Whether a state is of a place that the certificate has here. */
  has(certificate: OutputCertificate): (state: OutputState) => boolean {
    const own = this.#own(certificate)
    if (own === undefined) return () => false
    const { file, socket } = this.#settings
    const paths = new Set(this.#file?.paths(own))
    return ({ output, place }) =>
      (output === file && paths.has(place)) || (output === socket && place === socket)
  }

  /** The next reload, where one that the certificate waits for was not tried yet. */
  untried(id: string): Promise<void> | undefined {
    const isWaiting = [...this.#pending.values()].some((each) => each.id === id && !each.isTried)
    return isWaiting ? this.#nextRun.promise : undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reloader?.[Symbol.asyncDispose]()
  }

  /** The certificate with those of its files that are this output's; `undefined` where none is. */
  #own(certificate: OutputCertificate): OutputCertificate | undefined {
    const { certificates } = this.#settings
    if (certificates === undefined) return certificate
    const sources = sourcesWithin(certificates, certificate.sources)
    return sources.length === 0 ? undefined : { ...certificate, sources }
  }

  /** A reload says nothing of places that a certificate has no more. */
  #dropPending(of: string, paths: ReadonlySet<string>): void {
    for (const [key, { id, place }] of this.#pending) {
      if (id === of && !paths.has(place.place)) this.#pending.delete(key)
    }
  }

  #noteFile(id: string, { path, fact, file }: NotedFile): void {
    const place = { output: this.#settings.file ?? '', place: path }
    const key = `${path}\0${id}`
    const known = this.#states.find(id, place)
    // Where there is a socket, the file is for the next start.
    const reloader = this.#socket === undefined ? this.#reloader : undefined
    if (reloader === undefined || !needsReload(known, fact)) {
      this.#pending.delete(key)
      this.#states.note(id, { ...place, ...fact, problem: fact.problem ?? this.#caveat() })
      return
    }
    const waiting = this.#pending.get(key)?.fact
    if (waiting?.state === fact.state && waiting.stapleSha256 === fact.stapleSha256) return
    const request = file === 'changed' ? this.#lastRequest : reloader.request()
    this.#pending.set(key, { id, place, fact, request, isTried: false })
  }

  #finish(result: CommandResult, covered: number): void {
    for (const [key, pending] of this.#pending) {
      const { id, place, fact, request } = pending
      if (request > covered) continue
      if (result.kind === 'done') {
        this.#pending.delete(key)
        this.#states.note(id, { ...place, ...fact })
      } else {
        pending.isTried = true
        const { problem } = result
        this.#states.note(id, { ...place, state: 'failed', stapleSha256: undefined, problem })
      }
    }
    this.#nextRun.resolve()
    this.#nextRun = Promise.withResolvers()
    this.#reloaded()
  }

  /** What to know of a staple that was written without telling the server. */
  #caveat(): string | undefined {
    const { server, reload, socket } = this.#settings
    if (server === undefined || reload !== undefined || socket !== undefined) return undefined
    switch (targets[server].reads) {
      case 'by-itself':
        return undefined
      case 'at-reload':
        return `${server} reads it when it is reloaded, and no reload command is given`
      case 'near-nextUpdate':
        return `${server} reads it shortly before the one that it has ends, and no reload command is given`
    }
  }
}

/** Whether the server has something else than what is in the file by now. */
function needsReload(known: FileFact | undefined, { state, stapleSha256 }: FileFact): boolean {
  if (state === 'withdrawn') return known?.stapleSha256 !== undefined
  return state === 'live' && (known?.state !== 'live' || known.stapleSha256 !== stapleSha256)
}

interface Pending {
  readonly id: string
  readonly place: Pick<OutputState, 'output' | 'place'>
  readonly fact: FileFact
  /** The number of the request for the reload. */
  readonly request: number
  /** A reload has failed since. */
  isTried: boolean
}
