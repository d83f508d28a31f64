import { createHash } from 'node:crypto'
import type { RequestListener, ServerOptions } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Socket } from 'node:net'
import { type DurationMs, durationMs, type EpochMs, SECOND_MS } from '../der/time.ts'
import type { Staple } from '../ocsp/verdict.ts'
import type { Clock } from '../time/clock.ts'
import {
  readTlsFiles,
  type TlsCredentials,
  type TlsFiles,
  TlsFilesError,
  tlsFilesVersion,
} from './tls-files.ts'

/** What a listener tells of its certificate. */
export interface OwnCertificateEvents {
  /** The listener has another certificate from now on. */
  listenerCertificateChanged(event: { readonly name: string; readonly notAfter: EpochMs }): void
  /** The files have changed and cannot be used; the listener keeps the certificate that it has. */
  listenerCertificateRefused(event: { readonly problem: string }): void
}

/** What a listener's certificate needs. */
export interface OwnCertificateOptions {
  readonly files: TlsFiles
  /** Of the certificates that are managed, its own among them. */
  readonly staples: { byId(id: string): Promise<Staple | undefined> }
  readonly clock: Clock
  readonly events: OwnCertificateEvents
}

/**
 * The certificate of our own listener. Its handshakes are stapled, and when its files change, the
 * servers go over to what they hold now, once there is a staple for that.
 */
export class OwnCertificate {
  readonly #options: OwnCertificateOptions
  readonly #servers = new Set<Server>()
  /** Connections whose handshake is not done, by their other end. */
  readonly #shaking = new Map<string, Socket>()
  #held: TlsCredentials
  /** Of the files that it was read from. */
  #version: string

  private constructor(options: OwnCertificateOptions, held: TlsCredentials, version: string) {
    this.#options = options
    this.#held = held
    this.#version = version
  }

  /** Reads the files. Rejects with a {@link TlsFilesError} where they cannot be used. */
  static async open(options: OwnCertificateOptions): Promise<OwnCertificate> {
    // Before it is read, so that no change is missed.
    const version = await tlsFilesVersion(options.files)
    const held = await readTlsFiles(options.files, options.clock.now())
    return new OwnCertificate(options, held, version)
  }

  /** A server that has this certificate, and staples for it. */
  createServer(options: ServerOptions, listener: RequestListener): Server {
    const server = createServer(
      { ...options, ...contextOf(this.#held), handshakeTimeout: HANDSHAKE_WITHIN },
      listener,
    )
    // One certificate, so one key type: of several in one context, Node.js would always name the last one here.
    server.on('OCSPRequest', (certificate, _issuer, answer) => {
      const withStaple = (staple?: Staple) => answer(null, staple ? Buffer.from(staple.der) : null)
      const id = createHash('sha256').update(certificate).digest('hex')
      void this.#stapleOf(id).then(withStaple)
    })
    server.on('connection', (socket: Socket) => {
      const end = endOf(socket)
      this.#shaking.set(end, socket)
      socket.once('close', () => this.#shaking.delete(end))
    })
    server.on('secureConnection', (socket) => this.#shaking.delete(endOf(socket)))
    this.#servers.add(server)
    server.once('close', () => this.#servers.delete(server))
    return server
  }

  /** Follows the files until `signal` is aborted. */
  async follow(signal: AbortSignal): Promise<void> {
    const { files, clock, events } = this.#options
    let seen: { readonly version: string; readonly at: DurationMs; told?: boolean } | undefined
    while (!signal.aborted) {
      await clock.sleep(LOOK_EVERY, signal)
      const version = await tlsFilesVersion(files)
      if (version === this.#version || signal.aborted) continue
      if (seen?.version !== version) {
        // Renewal tools write one file after the other: what is there is looked at the next time.
        seen = { version, at: clock.monotonic() }
      } else if (seen.told !== true) {
        const isLate = clock.monotonic() - seen.at >= UNSTAPLED_AFTER
        const problem = await this.#take(version, isLate ? 'now' : 'when-stapled')
        if (problem !== undefined) events.listenerCertificateRefused({ problem })
        seen.told = problem !== undefined
      }
    }
  }

  /** Goes over to what the files hold; gives what is wrong with it. */
  async #take(version: string, when: 'now' | 'when-stapled'): Promise<string | undefined> {
    const { files, clock, events } = this.#options
    try {
      const read = await readTlsFiles(files, clock.now())
      const staple = await this.#stapleOf(read.fingerprint)
      if (when === 'when-stapled' && staple === undefined) return undefined
      this.#held = read
      this.#version = version
      for (const server of this.#servers) server.setSecureContext(contextOf(read))
      // Node.js would ask for the staple of the new certificate in handshakes with the old one.
      for (const socket of this.#shaking.values()) socket.destroy()
      events.listenerCertificateChanged({ name: read.name, notAfter: read.notAfter })
      return undefined
    } catch (error) {
      if (error instanceof TlsFilesError) return error.message
      throw error
    }
  }

  /** An error would end the connection; a handshake without a staple is better than none. */
  #stapleOf(fingerprint: string): Promise<Staple | undefined> {
    return this.#options.staples.byId(fingerprint).catch(() => undefined)
  }
}

function contextOf({ cert, key }: TlsCredentials) {
  return { cert, key, minVersion: 'TLSv1.2' } as const
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

const LOOK_EVERY: DurationMs = durationMs(SECOND_MS)
/** A certificate that can have no staple, or whose CA is away, is used nevertheless. */
const UNSTAPLED_AFTER: DurationMs = durationMs(30 * SECOND_MS)
/** In milliseconds. */
const HANDSHAKE_WITHIN = 5_000
