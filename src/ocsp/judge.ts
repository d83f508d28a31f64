import type { EpochMs } from '../der/time.ts'
import type { Certificate } from '../x509/certificate.ts'
import { canonicalForm } from './canonical.ts'
import type { ClientName } from './clients.ts'
import { type Facts, gatherFacts, isMatch, type Subject } from './facts.ts'
import { defaultPolicy, type Policy } from './policy.ts'
import type { Rule } from './rule.ts'
import { type Found, occurrences } from './rules/index.ts'
import type { Finding, Staple, Verdict } from './verdict.ts'

/** What a response is judged by. */
export interface JudgeInput {
  /** The body as received. */
  readonly response: Uint8Array
  readonly certificate: Certificate
  readonly issuer: Certificate
  readonly now: EpochMs
  /** Default: {@link defaultPolicy}. */
  readonly policy?: Policy
}

/**
 * Judges a response as every client would. Accepted means: its canonical form is taken by every client that the policy requires,
 * from `now` until `staple.usableUntil`. Pure; never throws because a response is bad.
 */
export function judge(input: JudgeInput): Verdict {
  const { response, certificate, issuer, now, policy = defaultPolicy } = input
  const subject = { response, certificate, issuer, now, policy, servedChain: undefined }
  const { findings, staple } = examine(subject)
  if (staple !== undefined) return { accepted: true, staple, findings }
  const [first, ...others] = findings
  if (first === undefined) throw new Error('a response was refused without a finding')
  return { accepted: false, findings: [first, ...others] }
}

/** All that can be said of a response, for people and for `judge`. */
export interface Examination {
  readonly facts: Facts
  readonly findings: readonly Finding[]
  /** Whether every required client takes the bytes as given. */
  readonly accepted: boolean
  /** The canonical form and whether it is accepted; `undefined` where there is none. */
  readonly canonical: { readonly der: Uint8Array; readonly accepted: boolean } | undefined
  /** Present where the canonical form is accepted and nothing was left unjudged. */
  readonly staple: Staple | undefined
}

/** Applies every rule to a response as given, then to its canonical form, which decides. */
export function examine(subject: Subject): Examination {
  const facts = gatherFacts(subject)
  const given = applyRules(facts)
  const acceptedAsGiven = isAccepted(given)
  const canonical = canonicalForm(facts)
  if (canonical === undefined) {
    return {
      facts,
      findings: given,
      accepted: acceptedAsGiven,
      canonical: undefined,
      staple: undefined,
    }
  }
  const isSame = canonical === facts.response?.bytes
  const der = isSame ? subject.response : canonical
  const mended = isSame ? given : applyRules(gatherFacts({ ...subject, response: der }))
  const findings = isSame ? given : compared(given, mended)
  const accepted = isSame ? acceptedAsGiven : isAccepted(mended)
  return {
    facts,
    findings,
    accepted: acceptedAsGiven,
    canonical: { der, accepted },
    staple: accepted ? staple(facts, der) : undefined,
  }
}

/** Whether a client takes the bytes as given. */
export function isAcceptedBy(client: ClientName, findings: readonly Finding[]): boolean {
  return !findings.some(({ rejectedBy }) => rejectedBy.includes(client))
}

function isAccepted(findings: readonly Finding[]): boolean {
  return !findings.some(({ level }) => level === 'reject')
}

function applyRules(facts: Facts): readonly Finding[] {
  const found = occurrences(facts)
  return found.length === 0 ? NO_FINDINGS : found.map((one) => finding(one, facts))
}

function finding({ rule, occurrence }: Found, facts: Facts): Finding {
  const rejectedBy = occurrence.rejectedBy ?? rule.rejectedBy
  return {
    rule: rule.name,
    level: levelOf(rule, rejectedBy, facts),
    saw: occurrence.saw,
    required: occurrence.required,
    rejectedBy,
    reference: rule.reference,
    remedy: occurrence.remedy ?? rule.remedy,
  }
}

function levelOf(rule: Rule, rejectedBy: readonly ClientName[], facts: Facts): Finding['level'] {
  const { clients } = facts.policy
  if (rule.toleratedBy?.(facts.policy)) return 'warn'
  if (rule.refusedBy?.(facts.policy)) return 'reject'
  if (rejectedBy.some((client) => clients.includes(client))) return 'reject'
  return rule.otherwise ?? 'warn'
}

/**
 * The findings about the bytes as given, those that the canonical form no longer has being repaired; and any that keep it from being
 * accepted and were hidden by what was repaired.
 */
function compared(given: readonly Finding[], mended: readonly Finding[]): readonly Finding[] {
  const [before, after] = [given, mended].map((all) => new Set(all.map(({ rule }) => rule)))
  return [
    ...given.map((one): Finding => (after?.has(one.rule) ? one : { ...one, level: 'repair' })),
    ...mended.filter(({ rule, level }) => level === 'reject' && !before?.has(rule)),
  ]
}

function staple(facts: Facts, der: Uint8Array): Staple | undefined {
  const { basic, single, match, issuer } = facts
  const until = facts.usableUntil
  if (basic === undefined || single?.nextUpdate === undefined || until === undefined)
    return undefined
  if (match === undefined || !isMatch(match) || issuer === undefined) return undefined
  return {
    der,
    received: facts.body,
    status: single.certStatus.status,
    producedAt: basic.producedAt,
    thisUpdate: single.thisUpdate,
    nextUpdate: single.nextUpdate,
    usableUntil: until,
  }
}

const NO_FINDINGS: readonly Finding[] = []
