import type { Config } from '../config/config.ts'
import type { HttpOptions } from '../serve/http.ts'

/** Where service and agent listen, and with which certificate. */
export function listening(
  { listen, ocspListen, tls }: Config,
  own: Omit<NonNullable<HttpOptions['tls']>, 'files'>,
): Pick<HttpOptions, 'listen' | 'ocspListen' | 'tls'> {
  return { listen, ocspListen, tls: tls && { files: tls, ...own } }
}
