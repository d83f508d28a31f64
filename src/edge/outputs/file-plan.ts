import { type EpochMs, iso } from '../../der/time.ts'
import type { Staple } from '../../ocsp/verdict.ts'
import { stapleDigest } from '../../store/staple-digest.ts'
import type { OutputState } from '../../store/store.ts'
import { keyShape, parseCertificate } from '../../x509/certificate.ts'
import { type ServerName, stapleFacts, targets, whyMishandled } from '../targets.ts'

/** What an output needs of a certificate; `CertificateRecord` of the store has it. */
export interface OutputCertificate {
  readonly id: string
  readonly der: Uint8Array
  readonly issuer?: Uint8Array | undefined
  readonly name: string
  readonly sources: readonly string[]
  readonly notAfter: EpochMs
}

/** A certificate that wants its staple at a path. */
export interface FileClaim {
  readonly certificate: OutputCertificate
  /** `undefined` where there is no usable one. */
  readonly staple: Staple | undefined
  /** See {@link Found}. Default: `goes`. */
  readonly found?: Found
}

/**
 * What becomes of a good staple that stands at the path while there is none in hand: it may stay, as where the data folder was lost,
 * until there is a newer one or it ends; or it goes, as where the certificate is revoked.
 */
export type Found = 'may-stay' | 'goes'

/** What a plan is made from. */
export interface FilePlanInput {
  readonly claims: readonly FileClaim[]
  /** What stands at the path, which is ours. */
  readonly present: Uint8Array | undefined
  readonly server: ServerName | undefined
  readonly now: EpochMs
  /** The staple for the certificate that those bytes are, judged anew. */
  readonly held: (bytes: Uint8Array, certificate: OutputCertificate) => Staple | undefined
}

/** How a path stands with one certificate, once the content is as planned. */
export type FileFact = Pick<OutputState, 'state' | 'stapleSha256' | 'problem'>

/** What is to stand at a path. */
export interface FilePlan {
  /** `undefined`: no file. */
  readonly content: Uint8Array | undefined
  /** The certificate whose staple that is; `undefined` where it is none. */
  readonly winner: OutputCertificate | undefined
  /** Where there is no winner, why. */
  readonly reason: string
  /** The names of certificates whose usable staples the server would mishandle, and why. */
  readonly refused: { readonly names: readonly string[]; readonly problem: string } | undefined
  /** Certificates with a usable staple that another one is before, in their order. */
  readonly left: readonly OutputCertificate[]
  /** By the id of each claim. */
  readonly facts: ReadonlyMap<string, FileFact>
}

/**
 * Decides what stands at a path. Of several certificates the one that is valid longest gets the path, so that a renewed one follows the old
 * one; then the one with the lower fingerprint. A staple that the server would mishandle is withheld, and the good one that
 * stands there stays as long as it is usable.
 */
export function planFile(input: FilePlanInput): FilePlan {
  const { claims, server, now } = input
  const usable = claims.filter(isUsableAt(now)).sort(byPrecedence)
  const [first, ...rest] = usable
  if (first === undefined) return leftAsFound(input) ?? without(input, whyNone(claims, now))
  if (server !== undefined && targets[server].fileIsFor === 'server-block') {
    const kinds = new Set(usable.map(({ certificate }) => keyKind(certificate)))
    if (kinds.size > 1) return refusing(input, usable, mixedKeys(server, usable, kinds))
  }
  const left = rest.map(({ certificate }) => certificate)
  const problem = server && objection(first.staple, server, now)
  if (problem !== undefined) return { ...withheld(input, first, problem), left }
  return planned(input, first.certificate, { content: first.staple.der, left })
}

/** What servers may read in place of a staple, before there is one: not successful, and nothing signed (RFC 6960 §2.3). */
export const TRY_LATER: Uint8Array = Uint8Array.of(0x30, 0x03, 0x0a, 0x01, 0x03)

interface UsableClaim extends FileClaim {
  readonly staple: Staple
}

function isUsableAt(now: EpochMs): (claim: FileClaim) => claim is UsableClaim {
  return (claim): claim is UsableClaim =>
    claim.staple !== undefined && claim.staple.usableUntil > now
}

/** Why the server would mishandle a staple that has passed the gate. */
function objection({ der }: Staple, server: ServerName, now: EpochMs): string | undefined {
  const facts = stapleFacts(der)
  return facts && whyMishandled(server, facts, { now, way: 'file' })
}

/** A good staple of a former life, which its server would only lose: `undefined` where none stands there. */
function leftAsFound(input: FilePlanInput): FilePlan | undefined {
  const { claims, present, server, now, held } = input
  if (present === undefined) return undefined
  const of = claims.find(({ certificate, found }) => {
    const kept = found === 'may-stay' ? held(present, certificate) : undefined
    return kept !== undefined && (!server || objection(kept, server, now) === undefined)
  })
  return of && planned(input, of.certificate, { content: present, left: [] })
}

function planned(
  { claims, now }: FilePlanInput,
  winner: OutputCertificate,
  { content, left }: { readonly content: Uint8Array; readonly left: readonly OutputCertificate[] },
): FilePlan {
  const facts = claims.map((claim): readonly [string, FileFact] => {
    const { id } = claim.certificate
    if (id === winner.id) return [id, fact('live', undefined, content)]
    if (!isUsableAt(now)(claim)) return [id, fact('withdrawn', whyNone([claim], now))]
    return [id, fact('withheld', `the staple of ${winner.name} has this path`)]
  })
  return { content, winner, reason: '', refused: undefined, left, facts: new Map(facts) }
}

/** The winner's staple is not for this server: what stands there stays, if it is for it. */
function withheld(input: FilePlanInput, first: UsableClaim, problem: string): FilePlan {
  const { present, server, now, held } = input
  const { certificate: winner } = first
  const kept = present && held(present, winner)
  const isFit = kept !== undefined && (!server || objection(kept, server, now) === undefined)
  const refusal = refusing(input, [first], problem)
  if (present === undefined || !isFit) return refusal
  const { refused } = refusal
  const plan = planned(input, winner, { content: present, left: [] })
  const own = fact('withheld', problem, present)
  return { ...plan, refused, facts: new Map([...plan.facts, [winner.id, own]]) }
}

function refusing(input: FilePlanInput, claims: readonly UsableClaim[], problem: string): FilePlan {
  const names = [...new Set(claims.map(({ certificate }) => certificate.name))]
  return { ...without(input, problem), refused: { names, problem } }
}

function without(input: FilePlanInput, problem: string): FilePlan {
  const { claims, now } = input
  const facts = claims.map((claim): readonly [string, FileFact] => [
    claim.certificate.id,
    isUsableAt(now)(claim) ? fact('withheld', problem) : fact('withdrawn', whyNone([claim], now)),
  ])
  const content = absentContent(input)
  const none = { winner: undefined, refused: undefined, left: [] }
  return { content, reason: problem, ...none, facts: new Map(facts) }
}

function absentContent({ claims, present, server }: FilePlanInput): Uint8Array | undefined {
  const absent = server === undefined ? 'no-file' : targets[server].absent
  switch (absent) {
    case 'no-file':
      return undefined
    case 'empty':
      return claims.length === 0 ? undefined : EMPTY
    case 'try-later':
      // Once there it stays: without it the server does not start.
      return claims.length === 0 && present === undefined ? undefined : TRY_LATER
  }
}

function fact(
  state: OutputState['state'],
  problem: string | undefined,
  content?: Uint8Array,
): FileFact {
  return { state, problem, stapleSha256: content && stapleDigest(content) }
}

function whyNone(claims: readonly FileClaim[], now: EpochMs): string {
  const ended = claims.find(({ staple }) => staple !== undefined && staple.usableUntil <= now)
  if (ended?.staple !== undefined) {
    return `the staple was usable until ${iso(ended.staple.usableUntil)}`
  }
  return claims.length === 0
    ? 'no certificate with a usable staple has this path'
    : 'there is no usable staple'
}

function mixedKeys(
  server: ServerName,
  claims: readonly UsableClaim[],
  kinds: ReadonlySet<string>,
): string {
  const names = [...new Set(claims.map(({ certificate }) => certificate.name))].join(', ')
  return `${server} staples one file for all certificates of a server block, and ${names} have ${[...kinds].sort().join(' and ')} keys; give each its own block and path, or use ssl_stapling_responder`
}

function keyKind({ der }: OutputCertificate): string {
  const parsed = parseCertificate(der)
  return 'kind' in parsed ? 'unknown' : keyShape(parsed).kind
}

function byPrecedence({ certificate: a }: FileClaim, { certificate: b }: FileClaim): number {
  return b.notAfter - a.notAfter || (a.id < b.id ? -1 : 1)
}

const EMPTY = new Uint8Array()
