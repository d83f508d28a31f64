import { hash } from 'node:crypto'

/** SHA-256 of the DER of a staple, lower-case hex: what outputs and edges tell which one is there by. */
export function stapleDigest(der: Uint8Array): string {
  return hash('sha256', der)
}
