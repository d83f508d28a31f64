import { DAY_MS, HOUR_MS } from '../../der/time.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { clientLimits, clientNames } from '../clients.ts'
import { type Facts, isMatch } from '../facts.ts'
import { SHA1 } from '../request.ts'
import type { Rule } from '../rule.ts'
import { LATEST_RENEWAL } from './times.ts'

// What is asked once for a family of rules. Where the answer is no, none of its rules has anything to say (index.test.ts holds each of
// them to that); where it is yes, they are asked one by one, so it may be yes more often than need be.

/**
 * Whether any family may have something to say, but for those that are asked once for each signer. Each question stands here again, as
 * this is all that is asked of the clean responses that most are.
 */
export function isNoteworthy(facts: Facts): boolean {
  return (
    isUnreadable(facts) ||
    isUnsuccessful(facts) ||
    isNotSimplyGood(facts) ||
    isUntimely(facts) ||
    isNotVerified(facts) ||
    isDelegatedOddly(facts) ||
    isSignedOddly(facts) ||
    hasExtensions(facts) ||
    hasMoreThanTheSigner(facts) ||
    isLarge(facts) ||
    isEncodedOddly(facts) ||
    isDeployedOddly(facts)
  )
}

/** Whether there is no response to speak of. */
export function isUnreadable({ malformed }: Facts): boolean {
  return malformed !== undefined
}

/** Whether the responder gave no answer about any certificate. */
export function isUnsuccessful({ response, basic }: Facts): boolean {
  return response !== undefined && (response.responseStatus !== 0 || basic === undefined)
}

/** Whether there is anything but one answer, good, about the certificate, by SHA-1. */
export function isNotSimplyGood({ basic, single, match }: Facts): boolean {
  return (
    basic?.responses.length !== 1 ||
    single?.certStatus.status !== 'good' ||
    single.hashAlgorithm.oid !== SHA1 ||
    (match !== undefined && !isMatch(match))
  )
}

/**
 * Whether it is used outside of its usable time, which lies inside of every other period, or that is shorter or longer than usual, or it was
 * made at a time when there was no such certificate.
 */
export function isUntimely({
  basic,
  single,
  usableUntil: until,
  certificate,
  now,
}: Facts): boolean {
  if (single?.nextUpdate === undefined || until === undefined || basic === undefined) return true
  const life = single.nextUpdate - single.thisUpdate
  const isOld = now > single.thisUpdate + LATEST_RENEWAL
  if (now < single.thisUpdate || now >= until || isOld || life < HOUR_MS || life > 7 * DAY_MS) {
    return true
  }
  if (certificate === undefined) return false
  return basic.producedAt < certificate.notBefore || basic.producedAt > certificate.notAfter
}

/** Whether the signature verifies with no key at hand. */
export function isNotVerified({ signing }: Facts): boolean {
  return signing?.signer === undefined
}

/** Whether a delegated signer has signed. */
export function isDelegated({ signing }: Facts): boolean {
  return signing?.signer?.kind === 'delegate'
}

/** Whether a delegated signer has signed outside of its validity, or in the issuer's name. */
export function isDelegatedOddly({ signing, now }: Facts): boolean {
  if (signing?.signer?.kind !== 'delegate') return false
  const { notBefore, notAfter } = signing.signer.certificate
  return now < notBefore || now >= notAfter || signing.issuerDesignated !== 'no'
}

/**
 * Whether one of the rules is met, asked once for each signer and what `beside` gives: for rules that look at nothing else, as the same
 * signer signs for weeks.
 */
export function onceForSigner(
  rules: readonly Rule[],
  beside: (facts: Facts) => object | undefined,
): (facts: Facts) => boolean {
  const answers = new WeakMap<Certificate, { about: object | undefined; isMet: boolean }>()
  return (facts) => {
    const certificate = facts.signing?.signer?.certificate
    if (certificate === undefined) return true
    const about = beside(facts)
    const known = answers.get(certificate)
    if (known !== undefined && known.about === about) return known.isMet
    const isMet = rules.some(({ check }) => check(facts) !== undefined)
    answers.set(certificate, { about, isMet })
    return isMet
  }
}

/** Whether responderID does not name the signer exactly, or an algorithm or the signature is not written as usual. */
export function isSignedOddly({ basic, signing }: Facts): boolean {
  const signer = signing?.signer
  if (basic === undefined || signer === undefined) return true
  const designated = signer.kind === 'issuer' ? signing?.issuerDesignated : signer.designated
  const usual = signing?.scheme?.family === 'rsa-pkcs1' ? 'null' : 'absent'
  return (
    designated !== 'exactly' ||
    basic.signatureAlgorithm.parameters !== usual ||
    basic.signature.unusedBits > 0 ||
    basic.responses.some(({ hashAlgorithm }) => hashAlgorithm.parameters === 'other')
  )
}

/** Whether the response or one of its answers has extensions. */
export function hasExtensions({ basic }: Facts): boolean {
  if (basic === undefined) return false
  const { responseExtensions, responses } = basic
  return (
    responseExtensions.length > 0 ||
    responses.some(({ singleExtensions }) => singleExtensions.length > 0)
  )
}

/** Whether other certificates come along than that of the signer, alone and where it belongs. */
export function hasMoreThanTheSigner({ basic, signing }: Facts): boolean {
  const certs = basic?.certs
  return certs !== undefined && !(certs.length === 1 && signing?.signer?.kind === 'delegate')
}

/** Whether it is larger than the policy has it, or than what every client takes. */
export function isLarge({ body, policy }: Facts): boolean {
  return body.length > policy.maxSizeBytes || body.length > SMALLEST_BUFFER
}

/** Whether something in it is not DER, or written as nobody else writes it. */
export function isEncodedOddly({ basic, single, sloppiness }: Facts): boolean {
  if (sloppiness.length > 0 || (basic !== undefined && basic.version !== 0)) return true
  return single?.certStatus.status === 'good' && single.certStatus.encoding !== 'null'
}

/** Whether it is known what the server sends along, or the certificate itself is not as usual. */
export function isDeployedOddly({ certificate, servedChain }: Facts): boolean {
  if (servedChain !== undefined || certificate === undefined) return servedChain !== undefined
  const { tlsFeatures, ocspUrls } = certificate.extensions
  return tlsFeatures !== undefined || ocspUrls.length === 0
}

const SMALLEST_BUFFER = Math.min(...clientNames.map((client) => clientLimits[client].maxSizeBytes))
