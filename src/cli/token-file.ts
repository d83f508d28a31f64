import { readGiven } from './given-files.ts'
import { UsageError } from './terminal.ts'

/** Reads the token in a file, as `everstaple token create` has printed it. Throws a {@link UsageError}, which says nothing of what is in the file. */
export async function readTokenFile(path: string): Promise<string> {
  const token = Buffer.from(await readGiven(path))
    .toString('latin1')
    .trim()
  // After one with what may not stand in a header field, undici 8.12.4 settles no further request over https.
  if (/^[\w-]{1,200}$/.test(token)) return token
  throw new UsageError(
    `'${path}' holds no token`,
    'put what `everstaple token create` printed into it, and nothing else',
  )
}
