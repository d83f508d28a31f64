import type { EpochMs } from '../../der/time.ts'
import {
  bitString,
  concat,
  enumerated,
  explicit,
  octetString,
  oid,
  sequence,
} from '../../der/writer.ts'
import { keyHash, type LabCertificate } from '../ca.ts'
import type { Hierarchy } from '../hierarchy.ts'
import { signatureAlgorithm, signBytes, usualAlgorithm } from '../signing.ts'
import { vectors } from '../vectors.ts'
import { allInside, copyTree, type MutableElement, readTree, writeTree } from './element.ts'
import { flipped, type Mutation, mutations, pick, type Random } from './mutations.ts'

/** A response that went wrong somewhere on its way, or was made wrong and signed so. */
export interface Mutant {
  readonly response: Uint8Array
  /** What was done, for people: `deleg_bykey: moveTime, duplicate in the signed part; signed again`. */
  readonly story: string
}

/** Makes mutants of the vectors of a hierarchy; the same stream of chance makes the same one. */
export function makeMutants(hierarchy: Hierarchy, now: EpochMs): (random: Random) => Mutant {
  const { issuer, signer, keys, issueSigner } = hierarchy
  // Signing with this one is quick, so most of what is signed again is signed by it.
  const quick = issueSigner({ key: keys('mutants', 'prime256v1') })
  const signers = { delegated: [quick, signer], issuer }
  const [direct, delegated] = [keyHash(issuer.certificate), keyHash(quick.certificate)]
  const seeds = vectors(hierarchy, now).flatMap(({ name, response }) => seed(name, response))
  const small = seeds.filter(({ response }) => response.length < 4_000)
  const others = small.flatMap(({ tree }) => (tree === undefined ? [] : allInside(tree)))
  return (random) => {
    const from = pick(random() < 0.02 ? seeds : small, random)
    const tree = from.tree && copyTree(from.tree)
    const signed = tree && tbsResponseData(tree)
    if (tree === undefined || random() < 0.1) return rawMutant(from, random)
    if (signed === undefined || random() < 0.3) {
      const done = mutate(tree, random, others)
      return { response: writeTree(tree), story: `${from.name}: ${done} anywhere` }
    }
    const anew = random() < 0.2
    const done = anew ? 'nothing' : mutate(signed, random, others)
    let story = `${from.name}: ${done} in the signed part, which is signed again`
    const tbs = Buffer.from(writeTree(signed))
    const named = anew || random() < 0.7 ? renamed(tbs, direct, delegated) : tbs
    const response = signedAgain(named, signers, (der) => {
      if (!anew) return der
      return certifiedAnew(der, issuer, (tbsCertificate) => {
        story += `; ${mutate(tbsCertificate, random, others)} in the signer's certificate`
      })
    })
    return { response, story }
  }
}

interface Seed {
  readonly name: string
  readonly response: Uint8Array
  /** `undefined` for what is no DER. */
  readonly tree: MutableElement | undefined
}

function seed(name: string, response: Uint8Array): Seed[] {
  if (response.length === 0) return []
  const [tree, ...trailing] = readTree(response) ?? []
  return [{ name, response, tree: trailing.length > 0 ? undefined : tree }]
}

function mutate(target: MutableElement, random: Random, others: readonly MutableElement[]): string {
  const names = Object.keys(mutations)
  const chosen = Array.from({ length: pick([1, 1, 2, 3], random) }, () => pick(names, random))
  for (const name of chosen) (mutations[name] as Mutation)(target, random, others)
  return chosen.join(', ')
}

/** Mutations that need no structure. */
function rawMutant({ name, response }: Seed, random: Random): Mutant {
  const way = pick(['flipBit', 'cut', 'append'] as const, random)
  const story = `${name}: ${way} of the bytes`
  switch (way) {
    case 'flipBit':
      return { response: flipped(response, random), story }
    case 'cut':
      return { response: response.slice(0, Math.floor(random() * response.length)), story }
    case 'append':
      return { response: concat([response, Buffer.alloc(1 + Math.floor(random() * 8))]), story }
  }
}

/** OCSPResponse, [0], ResponseBytes, OCTET STRING, BasicOCSPResponse, ResponseData. */
function tbsResponseData(tree: MutableElement): MutableElement | undefined {
  let element: MutableElement | undefined = tree
  for (const index of [1, 0, 1, 0, 0]) {
    if (element === undefined || element.content instanceof Uint8Array) return undefined
    element = element.content[index]
  }
  return element
}

/** With the delegated signer in the place of the issuer as responderID byKey. */
function renamed(tbs: Buffer, from: Uint8Array, to: Uint8Array): Buffer {
  const at = tbs.indexOf(Buffer.concat([BY_KEY, from]))
  if (at < 0) return tbs
  return Buffer.concat([
    tbs.subarray(0, at),
    BY_KEY,
    to,
    tbs.subarray(at + BY_KEY.length + to.length),
  ])
}

/** Who can sign, first the delegated ones, last the issuer. */
interface Signers {
  readonly delegated: readonly LabCertificate[]
  readonly issuer: LabCertificate
}

/** Around these bytes, a response by whomever they name as signer; by the issuer where that is nobody we know. */
function signedAgain(tbs: Buffer, { delegated, issuer }: Signers, embed: Embedding): Uint8Array {
  const named = ({ certificate }: LabCertificate) =>
    tbs.includes(Buffer.concat([BY_KEY, keyHash(certificate)])) ||
    tbs.includes(Buffer.from(certificate.subject))
  const delegate = delegated.find(named)
  const { key } = delegate ?? issuer
  const algorithm = usualAlgorithm(key)
  const certs = delegate === undefined ? [] : [explicit(0, sequence(embed(delegate.der)))]
  const signature = bitString(signBytes(algorithm, key, tbs))
  const basic = sequence(tbs, signatureAlgorithm(algorithm), signature, ...certs)
  const responseBytes = sequence(oid(BASIC), octetString(basic))
  return sequence(enumerated(0), explicit(0, responseBytes))
}

/** What becomes of the signer's certificate. */
type Embedding = (der: Uint8Array) => Uint8Array

/** The issuer certifies something else than it did: another validity, other rights. */
function certifiedAnew(
  der: Uint8Array,
  { key }: LabCertificate,
  change: (tbsCertificate: MutableElement) => void,
): Uint8Array {
  const [tree] = readTree(der) ?? []
  if (tree === undefined || tree.content instanceof Uint8Array) return der
  const [tbsCertificate] = tree.content
  if (tbsCertificate === undefined) return der
  change(tbsCertificate)
  const tbs = writeTree(tbsCertificate)
  const algorithm = usualAlgorithm(key)
  return sequence(tbs, signatureAlgorithm(algorithm), bitString(signBytes(algorithm, key, tbs)))
}

/** The beginning of a ResponderID byKey, before the 20 octets of the hash. */
const BY_KEY = Uint8Array.of(0xa2, 0x16, 0x04, 0x14)
const BASIC = '1.3.6.1.5.5.7.48.1.1'
