import { createHmac } from 'node:crypto'
import { Agent, type Dispatcher } from 'undici'
import { type DurationMs, durationMs, type EpochMs, SECOND_MS } from '../der/time.ts'
import { connectionProblem } from '../responders/connection-problem.ts'
import { responderHeaders } from '../responders/responder-headers.ts'
import type { Clock } from '../time/clock.ts'
import { version } from '../version.ts'
import { alertJson } from './alert.ts'
import type { AttemptResult, Destination, FailedAttempt } from './deliveries.ts'
import { readWebhookSecret } from './webhook-secret.ts'

/** A webhook as it is configured. */
export interface WebhookSettings {
  /** `http:` or `https:`. Its path may be a secret. */
  readonly url: string
  /** Absolute path of the file with the secret; read for each attempt, so that it may change. */
  readonly secretFile: string
}

/** What webhooks are sent with. */
export interface WebhookContext {
  readonly clock: Pick<Clock, 'now'>
  readonly agent: Dispatcher
  /** For all of an exchange. Default: 15 s. */
  readonly timeout?: DurationMs
}

/** Posts alerts as JSON, signed as the Standard Webhooks specification 1.0.0 says. Redirects are not followed: they are failures. */
export function webhookDestination(
  { url, secretFile }: WebhookSettings,
  { clock, agent, timeout = TOTAL_TIMEOUT }: WebhookContext,
): Destination {
  const { origin, pathname, search } = new URL(url)
  return {
    to: `webhook at ${origin}`,
    async attempt(message) {
      try {
        const body = alertJson(message.alert)
        const key = await readWebhookSecret(secretFile)
        const signed = signedHeaders({ id: message.id, body }, key, clock.now())
        return await post({ agent, origin, path: pathname + search, body, signed, clock, timeout })
      } catch (error) {
        return failed(problemOf(error, timeout))
      }
    },
  }
}

/** Connections to webhooks: certificates are verified whatever the environment says, and its proxies are not used. */
export function webhookAgent(): Agent {
  return new Agent({
    connections: 1,
    maxResponseSize: MOST_RESPONSE_BYTES,
    connect: { rejectUnauthorized: true, timeout: CONNECT_TIMEOUT },
  })
}

/** The header fields that say what is sent, when, and that it is ours. */
export function signedHeaders(
  { id, body }: { readonly id: string; readonly body: string },
  key: Uint8Array,
  now: EpochMs,
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const seconds = String(Math.floor(now / SECOND_MS))
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': `v1,${signature}`,
  }
}

interface Post {
  readonly agent: Dispatcher
  readonly origin: string
  readonly path: string
  readonly body: string
  readonly signed: Readonly<Record<string, string>>
  readonly clock: Pick<Clock, 'now'>
  readonly timeout: DurationMs
}

async function post(what: Post): Promise<AttemptResult> {
  const { agent, origin, path, body, signed, clock, timeout } = what
  const response = await agent.request({
    origin,
    path,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': `everstaple/${version}`,
      ...signed,
    },
    body,
    signal: AbortSignal.timeout(timeout),
  })
  const { statusCode } = response
  // What it says is of no interest, and what is not read would hold the connection.
  await response.body.dump({ limit: MOST_RESPONSE_BYTES }).catch(() => {})
  if (statusCode >= 200 && statusCode < 300) return { kind: 'done' }
  if (statusCode === GONE) {
    return { ...failed('answered 410 Gone: it wants no alerts any more'), again: 'no' }
  }
  const isElsewhere = statusCode >= 300 && statusCode < 400
  const remark = isElsewhere ? ', which is not followed: give the URL where it is' : ''
  const { retryAfter } = responderHeaders(response.headers, clock.now())
  return { ...failed(`answered ${statusCode}${remark}`), retryAfter }
}

function failed(problem: string): FailedAttempt {
  return { kind: 'failed', problem, output: '', again: 'yes' }
}

function problemOf(error: unknown, timeout: DurationMs): string {
  if (error instanceof Error && error.name === 'TimeoutError') {
    return `did not answer within ${timeout / SECOND_MS} s`
  }
  if (error instanceof Error && error.name === 'WebhookSecretError') return error.message
  return connectionProblem(error).problem
}

const GONE = 410
/** 15 to 30 s, the specification says. */
const TOTAL_TIMEOUT: DurationMs = durationMs(15 * SECOND_MS)
const CONNECT_TIMEOUT: DurationMs = durationMs(10 * SECOND_MS)
const MOST_RESPONSE_BYTES = 65_536
