import { stringify } from 'yaml'

/** Keys of an entry of `outputs`. */
export interface ConfiguredOutput
  extends Readonly<Partial<Record<'file' | 'socket' | 'test' | 'reload', string>>> {
  /** Absolute paths. */
  readonly certificates?: readonly string[]
}

/** An entry of `outputs` as it is written. */
export interface OutputEntry extends ConfiguredOutput {
  readonly server: string
  readonly file: string
}

/** The lines for an output. */
export function outputLines({
  server,
  certificates,
  file,
  socket,
  test,
  reload,
}: OutputEntry): readonly string[] {
  return linesOf({ outputs: [{ server, certificates, file, socket, test, reload }] })
}

/** The lines for servers that ask the OCSP endpoint. */
export function endpointLines({
  endpoint,
  listen = new URL(endpoint).host,
}: {
  readonly endpoint: string
  readonly listen?: string | undefined
}): readonly string[] {
  return linesOf({ listen })
}

function linesOf(keys: object): readonly string[] {
  return stringify(keys, { lineWidth: 0 }).trimEnd().split('\n')
}
