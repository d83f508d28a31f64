import { durationMs, SECOND_MS } from '../../der/time.ts'
import { parseRequest } from '../../ocsp/request.ts'
import type { HttpRequest, HttpResult, Transport } from '../../responders/transport.ts'
import type { Random } from '../../time/clock.ts'
import { seededRandom } from '../seeded-random.ts'
import { type Answer, faultyAnswer, honestAnswer, notFound } from './answers.ts'
import type { Ceilings } from './ceilings.ts'
import { whole } from './draw.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { Life } from './life.ts'
import type { Scene } from './scene.ts'
import type { SimulatedCertificate } from './simulated-authority.ts'

/** One request with its answer, as the one who watches is told. */
export interface Exchange {
  readonly certificate: SimulatedCertificate
  /** What was at work: a fault, or that the certificate is too new. */
  readonly met: FaultPlan | 'too-new' | undefined
}

/** The network between the service and the responders of the world. */
export class SimulatedNetwork {
  readonly #scene: Scene
  readonly #random: Random
  readonly #exchanged: (exchange: Exchange) => void
  readonly #bySerialNumber: ReadonlyMap<string, SimulatedCertificate>
  readonly #byPath = new Map<string, SimulatedCertificate>()
  readonly #kept = new Map<string, Connection>()

  constructor(scene: Scene, exchanged: (exchange: Exchange) => void) {
    this.#scene = scene
    this.#random = seededRandom(scene.world.seed, 'network')
    this.#exchanged = exchanged
    this.#bySerialNumber = new Map(
      scene.certificates.map((each) => [hex(each.leaf.certificate.serialNumber), each]),
    )
  }

  /** What one run of the service sends by. */
  transport(life: Life, ceilings: Ceilings): Transport {
    return {
      send: (request) => life.live(() => this.#send(request, ceilings)),
      [Symbol.asyncDispose]: async () => {},
    }
  }

  async #send(request: HttpRequest, ceilings: Ceilings): Promise<HttpResult> {
    const { clock } = this.#scene
    const certificate = this.#addressee(request)
    const { authority } = certificate.plan
    const began = clock.monotonic()
    const connection = this.#connect(certificate, request)
    // As it is when it is asked: what is then well gives a good answer.
    const faults = this.#scene.faultsAt(authority, this.#scene.now())
    ceilings.begin(certificate, request.connection === 'kept' ? 'first' : 'repeat')
    const latency = 1 + authority.latency * (0.5 + this.#random())
    const wait = faults.whole?.kind === 'silence' ? TIMEOUT : Math.round(latency)
    await clock.sleep(durationMs(wait), request.signal)
    ceilings.end(certificate)
    const elapsed = durationMs(clock.monotonic() - began)
    if (request.signal.aborted) {
      return { kind: 'unreachable', cause: 'aborted', problem: 'aborted', elapsed }
    }
    const answer = this.#answer(certificate, faults, connection)
    this.#note(certificate, request, answer, connection)
    if (answer.kind === 'unreachable') return { ...answer, elapsed }
    connection.usedAt = clock.monotonic()
    const headers = { ...answer.headers, date: new Date(this.#scene.now()).toUTCString() }
    return { ...answer, headers, remoteAddress: connection.address, elapsed }
  }

  #answer(
    certificate: SimulatedCertificate,
    { whole: fault, some }: ReturnType<Scene['faultsAt']>,
    { backend, place }: Connection,
  ): Answer {
    const at = this.#scene.now()
    const { plan, authority } = certificate
    if (fault !== undefined) {
      this.#exchanged({ certificate, met: fault })
      return faultyAnswer(fault.kind, certificate, { at, random: this.#random })
    }
    const publication = authority.publication(certificate, at)
    const met = at < plan.knownAt ? 'too-new' : undefined
    for (const each of some) {
      this.#exchanged({ certificate, met: each })
      if (each.kind === 'one-backend-404' && backend === 0) return notFound()
      const isStale = plan.authority.addresses.length > 1 ? place === 0 : backend === 0
      if (each.kind !== 'stale-edge' || !isStale) continue
      const back = 1 + (each.from % (3 * SECOND_MS)) / SECOND_MS
      const older = authority.publication(certificate, at, back)
      return honestAnswer(certificate, older ?? publication, at)
    }
    this.#exchanged({ certificate, met })
    return honestAnswer(certificate, publication, at)
  }

  /** A connection that was used just before is kept; any other goes to an address and a backend by chance. */
  #connect({ plan }: SimulatedCertificate, request: HttpRequest): Connection {
    const { origin, addresses } = plan.authority
    const kept = this.#kept.get(origin)
    const { clock } = this.#scene
    const isAlive = kept !== undefined && clock.monotonic() - kept.usedAt < KEEP_ALIVE
    if (isAlive && request.connection === 'kept') return kept
    const others = addresses.filter((address) => !request.avoid?.includes(address))
    const choices = others.length > 0 ? others : addresses
    const address = choices[whole(choices.length, this.#random)] ?? ''
    const place = addresses.indexOf(address)
    const connection = {
      ...{ address, place },
      backend: whole(BACKENDS, this.#random),
      usedAt: clock.monotonic(),
    }
    this.#kept.set(origin, connection)
    return connection
  }

  #addressee({ url, body }: HttpRequest): SimulatedCertificate {
    const path = body === undefined ? decodeURIComponent(url.split('/').slice(3).join('/')) : ''
    const bytes = body ?? Buffer.from(path, 'base64')
    const key = body === undefined ? url : hex(bytes)
    const known = this.#byPath.get(key)
    if (known !== undefined) return known
    const ids = parseRequest(bytes)
    const [id] = 'kind' in ids ? [] : ids
    const certificate = id && this.#bySerialNumber.get(hex(id.serialNumber))
    if (certificate === undefined) throw new Error(`a request that nobody answers: ${url}`)
    this.#byPath.set(key, certificate)
    return certificate
  }

  #note(
    { plan }: SimulatedCertificate,
    { method, connection }: HttpRequest,
    answer: Answer,
    { place, backend }: Connection,
  ): void {
    const said = answer.kind === 'unreachable' ? answer.cause : `HTTP ${answer.statusCode}`
    const way = `${method} over a ${connection} connection to ${place}/${backend}`
    this.#scene.log.add(this.#scene.now(), `${plan.name}: ${way}: ${said}`)
  }
}

interface Connection {
  readonly address: string
  /** Of the address among those of the responder. */
  readonly place: number
  readonly backend: number
  usedAt: number
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Of CA #4. */
const BACKENDS = 6
/** The time in which UndiciTransport gives up. */
const TIMEOUT = 10 * SECOND_MS
/** For which undici keeps a connection that is not used. */
const KEEP_ALIVE = 4 * SECOND_MS
