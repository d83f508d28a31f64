import { setFlagsFromString } from 'node:v8'

/**
 * Has this process take little memory rather than be fast, as that of an edge, which has other things to do. To be called before the other
 * modules are loaded: what loading them takes for a moment is in pieces afterwards, of which few are given back.
 */
export function preferSmallProcess(): void {
  // Less than half of the heap.
  setFlagsFromString('--optimize-for-size')
  // The parsers that Node.js and undici have in WebAssembly are quick enough as they are; optimizing them takes 25 MB.
  setFlagsFromString('--liftoff-only')
}
