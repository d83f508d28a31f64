import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect, type Server, type TLSSocket } from 'node:tls'
import { type EpochMs, HOUR_MS, plus } from '../der/time.ts'
import type { LabCertificate } from '../lab/ca.ts'
import { type Hierarchy, makeHierarchy } from '../lab/hierarchy.ts'
import { buildResponse, type ResponseKnobs } from '../lab/response-builder.ts'
import { judge } from '../ocsp/judge.ts'
import { certID, certIDKey } from '../ocsp/request.ts'
import type { Staple } from '../ocsp/verdict.ts'
import type { StapleSource } from '../serve/ocsp-endpoint.ts'
import { systemClock } from '../time/clock.ts'

/** Whole seconds, as in responses. */
export const now: EpochMs = plus(systemClock.now(), -(systemClock.now() % 1000))

export const pki: Hierarchy = makeHierarchy({ now })
export const rsaLeaf: LabCertificate = pki.issueLeaf({
  dnsNames: ['rsa.example'],
  key: pki.keys('an RSA leaf', 'rsa-2048'),
})
export const ecdsaLeaf: LabCertificate = pki.issueLeaf({ dnsNames: ['ecdsa.example'] })

/** A response for `leaf`, `age` old, valid for a day from its thisUpdate. */
export function responseFor(
  leaf: LabCertificate,
  age: number = HOUR_MS,
  knobs: Partial<ResponseKnobs> = {},
): Uint8Array {
  const thisUpdate = plus(now, -age)
  const nextUpdate = plus(thisUpdate, 24 * HOUR_MS)
  const ids = { certificate: leaf.certificate, issuer: pki.issuer.certificate }
  return buildResponse({
    responses: [{ certID: ids, thisUpdate, nextUpdate }],
    signer: pki.issuer,
    ...knobs,
  })
}

/** The gate itself. */
export function judged(leaf: LabCertificate, response: Uint8Array): Staple {
  const ids = { certificate: leaf.certificate, issuer: pki.issuer.certificate }
  const verdict = judge({ ...ids, response, now: systemClock.now() })
  if (!verdict.accepted) throw new Error(`not accepted: ${verdict.findings[0].rule}`)
  return verdict.staple
}

/** Has staples for the given leaves. */
export function staplesOf(...leaves: LabCertificate[]): StapleSource {
  const byKey = new Map(
    leaves.map((leaf) => [
      certIDKey(certID(leaf.certificate, pki.issuer.certificate)),
      judged(leaf, responseFor(leaf)),
    ]),
  )
  return { byCertIDKey: (key) => Promise.resolve(byKey.get(key)) }
}

/** Key and chain of a leaf, as servers are given them. */
export function credentials(leaf: LabCertificate): { key: string; cert: string } {
  return { key: leaf.keyPem, cert: leaf.pem + pki.issuer.pem }
}

/** Listens on a free port until disposed of. */
export async function listening(server: Server): Promise<Server & AsyncDisposable> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** What a client that wants a staple got. */
export interface Handshake {
  readonly staple: Buffer | undefined
  readonly isReused: boolean
  /** For another handshake that resumes it; a resumed one gives none. */
  readonly session: Buffer | undefined
}

/** Shakes hands as a client that trusts the lab's root, resuming `session` where it is given. */
export async function handshake(server: Server, session?: Buffer): Promise<Handshake> {
  const socket = connectTo(server, { servername: 'ecdsa.example', ca: pki.root.pem, session })
  const tickets = once(socket, 'session')
  const staple = stapleOf(socket)
  await once(socket, 'secureConnect')
  const isReused = socket.isSessionReused()
  const [ticket] = isReused ? [] : await tickets
  socket.destroy()
  return { staple: staple(), isReused, session: ticket }
}

/** Shakes hands as a client that trusts `ca`, the lab's root by default, and wants a staple; gives what came. */
export async function stapled(
  server: Server,
  servername: string,
  ca: string = pki.root.pem,
): Promise<Buffer | undefined> {
  const socket = connectTo(server, { servername, ca })
  const staple = stapleOf(socket)
  await once(socket, 'secureConnect')
  socket.destroy()
  return staple()
}

function connectTo(server: Server, options: ConnectionOptions): TLSSocket {
  const { port } = server.address() as AddressInfo
  return connect({ port, host: '127.0.0.1', requestOCSP: true, ...options })
}

/** Listens for the staple, which comes before the handshake is done. */
function stapleOf(socket: TLSSocket): () => Buffer | undefined {
  let staple: Buffer | undefined
  socket.on('OCSPResponse', (response: Buffer | null) => {
    staple = response ?? undefined
  })
  return () => staple
}
