import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Service } from '../../src/cli/running-service.ts'
import { startService } from '../../src/cli/service.ts'
import { resolveConfig } from '../../src/config/config.ts'
import { type DurationMs, durationMs, HOUR_MS } from '../../src/der/time.ts'
import { createEvents } from '../../src/events.ts'
import type { LabCertificate } from '../../src/lab/ca.ts'
import type { Fault, ReceivedRequest } from '../../src/lab/faults/fault.ts'
import type { Misbehaviour } from '../../src/lab/faults/misbehaviour.ts'
import { type Hierarchy, makeHierarchy } from '../../src/lab/hierarchy.ts'
import { type Responder, startResponder } from '../../src/lab/responder.ts'
import { certID, encodeRequest } from '../../src/ocsp/request.ts'
import { parseResponse } from '../../src/ocsp/response.ts'
import { getUrl } from '../../src/responders/request-url.ts'
import { type Clock, type Random, systemClock } from '../../src/time/clock.ts'

/** A CA of its own with a responder of its own, and certificates that ask it. */
export interface Clinic extends AsyncDisposable {
  readonly name: string
  readonly issuer: LabCertificate
  readonly leaves: readonly LabCertificate[]
  readonly responder: Responder
}

export interface ClinicOptions {
  readonly name: string
  readonly fault?: Fault | undefined
  readonly leaf?: Misbehaviour['leaf'] | undefined
  /** How many certificates. Default: 1. */
  readonly size?: number
  /** Of the CA's responses. Default: four hours. */
  readonly validity?: DurationMs
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** Starts a responder and makes the CA and the certificates. The first is called `NAME.test`, further ones `2.NAME.test` and so on. */
export async function openClinic(options: ClinicOptions): Promise<Clinic> {
  const { name, fault, leaf, size = 1, clock = systemClock } = options
  const { validity = durationMs(4 * HOUR_MS) } = options
  const now = clock.now()
  const hierarchy: Hierarchy = makeHierarchy({ now, caKey: 'prime256v1', name })
  const { issuer } = hierarchy
  const responder = await startResponder({ issuer, validity, clock, ...(fault && { fault }) })
  const leaves = Array.from({ length: size }, (_, i) =>
    hierarchy.issueLeaf({
      dnsNames: [`${i === 0 ? '' : `${i + 1}.`}${name}.test`],
      ocspUrls: [responder.url],
      ...leaf?.(now),
    }),
  )
  return {
    name,
    issuer,
    leaves,
    responder,
    [Symbol.asyncDispose]: () => responder[Symbol.asyncDispose](),
  }
}

/** How the first attempt for a certificate ended. */
export interface Outcome {
  readonly event: string
  /** All that its responder had been asked by then. */
  readonly requests: readonly ReceivedRequest[]
}

/** A service that runs in this process, with the certificates of clinics. Certificates go by their ids here. */
export interface Hospital extends AsyncDisposable {
  readonly service: Service
  /** The data folder of the service. */
  readonly data: string
  /** Log lines so far. */
  readonly lines: readonly LogLine[]
  /** Resolves with how the first attempt for this certificate ended. */
  outcome(certificate: string): Promise<Outcome>
  /** Whether there is an outcome yet. */
  hasOutcome(certificate: string): boolean
}

/** A line of the service's log. */
export interface LogLine {
  readonly level: string
  readonly event: unknown
  readonly certificate: unknown
  readonly message: string
}

/** Starts a service on a free port, in a temporary folder, with the certificates of all clinics. */
export async function openHospital(
  clinics: readonly Clinic[],
  { clock = systemClock, random = Math.random }: { clock?: Clock; random?: Random } = {},
): Promise<Hospital> {
  const folder = await mkdtemp(join(tmpdir(), 'everstaple-sick-'))
  const certificates = join(folder, 'certificates')
  await mkdir(certificates)
  for (const { name, leaves, issuer } of clinics) {
    for (const [i, leaf] of leaves.entries()) {
      await writeFile(join(certificates, `${name}-${i}.pem`), leaf.pem + issuer.pem)
    }
  }
  const clinicOf = new Map(
    clinics.flatMap((clinic) =>
      clinic.leaves.map((leaf) => [leaf.certificate.fingerprint, clinic]),
    ),
  )
  const lines: LogLine[] = []
  const first = new Map<string, PromiseWithResolvers<Outcome>>()
  const ended = new Set<string>()
  const slot = (id: string) => {
    const known = first.get(id) ?? Promise.withResolvers<Outcome>()
    first.set(id, known)
    return known
  }
  const events = createEvents((level, message, { event, id, certificate }) => {
    lines.push({ level, event, certificate, message })
    if (typeof id !== 'string' || typeof event !== 'string' || !OUTCOMES.has(event)) return
    if (ended.has(id)) return
    ended.add(id)
    slot(id).resolve({ event, requests: [...(clinicOf.get(id)?.responder.requests ?? [])] })
  })
  const service = await startService(configFor(folder, certificates), { clock, random, events })
  return {
    service,
    data: join(folder, 'data'),
    lines,
    outcome: (id) => slot(id).promise,
    hasOutcome: (id) => ended.has(id),
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

/** What the service's own OCSP endpoint says of the first certificate: the staple, or the status of an error. */
export async function served(
  { service }: Hospital,
  { issuer, leaves: [leaf] }: Clinic,
): Promise<Uint8Array | number> {
  const request = encodeRequest(certID((leaf ?? issuer).certificate, issuer.certificate))
  const response = await fetch(getUrl(`${service.url}/ocsp`, request))
  const body = new Uint8Array(await response.arrayBuffer())
  const read = parseResponse(body)
  if ('kind' in read) throw new Error(`no OCSP response: HTTP status ${response.status}`)
  return read.responseStatus === 0 ? body : read.responseStatus
}

function configFor(folder: string, certificates: string) {
  const text = JSON.stringify({
    certificates: [certificates],
    data: join(folder, 'data'),
    listen: '127.0.0.1:0',
    responders: { allowAddresses: ['127.0.0.0/8'] },
  })
  const env = { cwd: folder, home: folder, user: 'ordinary' } as const
  // JSON is YAML.
  const resolved = resolveConfig({ file: { text, path: 'everstaple.yaml' }, flags: {}, env })
  if (resolved.kind === 'problems') throw new Error(JSON.stringify(resolved.problems))
  return resolved.config
}

const OUTCOMES = new Set(['stapleStored', 'stapleUnchanged', 'fetchFailed', 'certificateRevoked'])
