import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'

/** How all addresses of a name are looked up: as `lookup` of node:dns. */
export type LookupAll = (
  hostname: string,
  options: { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses?: LookupAddress[]) => void,
) => void

/**
 * Looks a name up once, for all connections to it. The system's look-ups have two threads of a process, so that four times as many, of names
 * for which nobody answers, would keep those of responders waiting.
 */
export function sharedLookup(lookup: LookupAll = systemLookup): LookupFunction {
  let answer: Promise<Parameters<Parameters<LookupAll>[2]>> | undefined
  return (hostname, options, callback) => {
    answer ??= new Promise((resolve) => {
      lookup(hostname, { all: true }, (...given) => resolve(given))
    })
    void answer.then(([error, addresses = []]) => {
      const [first] = addresses
      if (options.all === true || first === undefined) callback(error, addresses)
      else callback(null, first.address, first.family)
    })
  }
}
