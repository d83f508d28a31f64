import { readNamed } from './given-files.ts'
import { UsageError } from './terminal.ts'

/**
 * Reads the token in the file that a key or a flag names, as `everstaple token create` has printed it. Throws a {@link UsageError}, which says
 * nothing of what is in the file.
 */
export async function readTokenFile(key: string, path: string): Promise<string> {
  const token = Buffer.from(await readNamed(key, path))
    .toString('latin1')
    .trim()
  // After one with what may not stand in a header field, undici 8.12.4 settles no further request over https.
  if (/^[\w-]{1,200}$/.test(token)) return token
  throw new UsageError(
    `${key}: '${path}' holds no token`,
    'put what `everstaple token create` printed into it, and nothing else',
  )
}
