import { readFile } from 'node:fs/promises'

/** The secret of a webhook cannot be used; the message says what to do. */
export class WebhookSecretError extends Error {
  override readonly name = 'WebhookSecretError'
  readonly code = 'WEBHOOK_SECRET'
}

/** The key in a file that holds it as Standard Webhooks writes it: base64, `whsec_` before it or not. Throws a {@link WebhookSecretError}. */
export async function readWebhookSecret(path: string): Promise<Uint8Array> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new WebhookSecretError(`webhook secret '${path}' cannot be read: ${problem}; ${HINT}`, {
      cause,
    })
  })
  const written = text.trim().replace(/^whsec_/, '')
  const key = Buffer.from(written, 'base64')
  const isBase64 = /^[A-Za-z\d+/]+={0,2}$/.test(written)
  if (isBase64 && key.length >= LEAST_BYTES && key.length <= MOST_BYTES) return key
  const what = isBase64 ? `a key of ${key.length} bytes` : 'something else than base64'
  throw new WebhookSecretError(
    `webhook secret '${path}' holds ${what}, not ${LEAST_BYTES} to ${MOST_BYTES} bytes in base64; ${HINT}`,
  )
}

const HINT = 'make one with: openssl rand -base64 32'
/** As the specification says: 192 bits, and no more than 512. */
const LEAST_BYTES = 24
const MOST_BYTES = 64
