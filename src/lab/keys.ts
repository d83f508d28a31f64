import { generateKeyPairSync, type KeyObject } from 'node:crypto'

/** A kind of key pair: RSA by its size in bits, curves by the names that OpenSSL prints. */
export type KeyKind =
  | `rsa-${number}`
  | 'prime256v1'
  | 'secp384r1'
  | 'secp521r1'
  | 'secp224r1'
  | 'secp256k1'
  | 'ed25519'

/** A new private key; `createPublicKey` gives its public half. RSA-2048 takes about 100 ms, RSA-4096 a second or more. */
export function makeKey(kind: KeyKind): KeyObject {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519').privateKey
  if (kind.startsWith('rsa-')) {
    return generateKeyPairSync('rsa', { modulusLength: Number(kind.slice(4)) }).privateKey
  }
  return generateKeyPairSync('ec', { namedCurve: kind }).privateKey
}

/** Keys that are made once and used again: the same label and kind give the same key. */
export type KeyRing = (label: string, kind?: KeyKind) => KeyObject

/** An empty {@link KeyRing}. Kind by default: `rsa-2048`. */
export function makeKeyRing(): KeyRing {
  const keys = new Map<string, KeyObject>()
  return (label, kind = 'rsa-2048') => {
    const known = keys.get(`${kind} ${label}`)
    if (known !== undefined) return known
    const key = makeKey(kind)
    keys.set(`${kind} ${label}`, key)
    return key
  }
}
