import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { type EpochMs, epochMs } from '../../der/time.ts'
import { judge } from '../../ocsp/judge.ts'
import { certID, encodeRequest } from '../../ocsp/request.ts'
import { parseResponse, responseStatusName } from '../../ocsp/response.ts'
import { getUrl } from '../../responders/request-url.ts'
import { SimulatedClock } from '../../time/simulated-clock.ts'
import type { LabCertificate } from '../ca.ts'
import { type Hierarchy, makeHierarchy } from '../hierarchy.ts'
import { type Responder, type ResponderOptions, startResponder } from '../responder.ts'
import type { Misbehaviour } from './misbehaviour.ts'

export const NOW: EpochMs = epochMs(Date.UTC(2026, 10, 24, 4))
export const hierarchy: Hierarchy = makeHierarchy({ now: NOW, caKey: 'prime256v1' })

/** A certificate, its sick responder and a clock that stands still until it is advanced. */
export interface Ward extends AsyncDisposable {
  readonly leaf: LabCertificate
  readonly responder: Responder
  readonly clock: SimulatedClock
}

export async function ward(
  { fault, leaf }: Pick<Misbehaviour, 'fault' | 'leaf'>,
  options: Partial<ResponderOptions> = {},
): Promise<Ward> {
  const clock = new SimulatedClock(NOW)
  const { issuer } = hierarchy
  const responder = await startResponder({ issuer, clock, fault, ...options })
  return {
    clock,
    responder,
    leaf: hierarchy.issueLeaf({ ...leaf?.(NOW), ocspUrls: [responder.url] }),
    [Symbol.asyncDispose]: () => responder[Symbol.asyncDispose](),
  }
}

/** One exchange over a connection of its own, by node:http alone, and what came of it in words, or the code of the error. */
export async function ask(
  here: Ward,
  method: 'GET' | 'POST' = 'GET',
  { host = '127.0.0.1', headers = {} }: { host?: string; headers?: Record<string, string> } = {},
): Promise<string> {
  const body = encodeRequest(certID(here.leaf.certificate, hierarchy.issuer.certificate))
  const agent = new Agent({ keepAlive: false })
  const path = method === 'GET' ? getUrl('', body) : '/'
  const sent = { host, port: here.responder.port, method, path, headers, agent }
  try {
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpRequest(sent, resolve).on('error', reject)
      request.end(method === 'POST' ? body : undefined)
    })
    const chunks: Buffer[] = []
    for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk)
    return inWords(message, Buffer.concat(chunks), here)
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** What comes back for these very octets. */
export async function askRaw({ responder: { port } }: Ward, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.end(request, 'latin1')
  const chunks: Buffer[] = []
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

/** HTTP status where it is not 200, then `good`, the name of the OCSP error, or the rules that the response breaks. */
function inWords(message: IncomingMessage, body: Uint8Array, { leaf, clock }: Ward): string {
  const status = message.statusCode === 200 ? '' : `${message.statusCode} `
  const response = parseResponse(body)
  if (!('kind' in response) && response.responseStatus !== 0) {
    return status + responseStatusName(response.responseStatus)
  }
  if (status !== '') return status.trim()
  const { certificate } = leaf
  const issuer = hierarchy.issuer.certificate
  const verdict = judge({ response: body, certificate, issuer, now: clock.now() })
  const rules = verdict.findings
    .filter(({ level }) => verdict.accepted || level === 'reject')
    .map(({ rule }) => rule)
  return [...(verdict.accepted ? ['good'] : []), ...rules].join(' ')
}
