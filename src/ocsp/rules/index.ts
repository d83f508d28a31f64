import type { Facts } from '../facts.ts'
import { always, type Occurrence, type Rule } from '../rule.ts'
import * as body from './body.ts'
import * as deployment from './deployment.ts'
import * as embedded from './embedded.ts'
import * as encoding from './encoding.ts'
import * as extensions from './extensions.ts'
import * as identity from './identity.ts'
import * as signature from './signature.ts'
import * as signer from './signer.ts'
import * as signerCertificate from './signer-certificate.ts'
import * as times from './times.ts'

/** Rules that have nothing to say unless `when` holds; asking that once for all of them keeps a clean response cheap. */
interface Family {
  readonly when: (facts: Facts) => boolean
  readonly rules: readonly Rule[]
}

/**
 * Every rule, in the order of findings, what helps most first: no answer at all, the wrong certificate or a bad status, times, the
 * signature and who made it, what comes along, encodings, deployment. To add a rule, write it in its file and add it here.
 */
const families: readonly Family[] = [
  {
    when: isUnreadable,
    rules: [body.bodyEmpty, body.bodyOneByte, body.bodyIsText, body.responseMalformed],
  },
  {
    when: isUnsuccessful,
    rules: [body.responseStatusNotSuccessful, body.responseBytesMissing, body.responseTypeNotBasic],
  },
  {
    when: always,
    rules: [
      identity.certIDMismatch,
      identity.statusRevoked,
      identity.statusUnknown,
      identity.certIDHashNotSha1,
      identity.singleResponseMissing,
      identity.singleResponsesSeveral,
      times.certificateExpired,
      times.nextUpdatePassed,
      times.nextUpdateMissing,
      times.nextUpdateNotAfterThisUpdate,
      times.thisUpdateInFuture,
      times.thisUpdateTooOld,
      times.producedOutsideCertificateValidity,
      times.usableTimeOver,
      times.validityVeryShort,
      times.validityOverTenDays,
    ],
  },
  {
    when: always,
    rules: [signature.signatureAlgorithmMismatch, signature.signatureInvalid, signer.signerMissing],
  },
  {
    when: isDelegated,
    rules: [
      signer.signerNotIssuedByIssuer,
      signer.signerIssuerNameDiffers,
      signer.signerWithoutOcspSigning,
      signer.signerExpired,
      signer.signerNotYetValid,
      signer.responderIDNamesIssuer,
      signer.signerIsCa,
      signer.signerUnknownCriticalExtension,
      signer.signerNoCheckCritical,
      signer.signerSignedWithSha1,
      signer.signerAlgorithmsDiffer,
      signerCertificate.signerCertificateMalformed,
    ],
  },
  {
    when: always,
    rules: [
      signer.responderIDMismatch,
      signer.signerKeyWeak,
      signature.signatureSha1,
      signature.signatureAlgorithmUnsupported,
      signature.signatureAlgorithmUncommon,
      signature.signatureEcdsaParameters,
      signature.algorithmParametersUnexpected,
      signature.signatureUnusedBits,
    ],
  },
  {
    when: hasExtensions,
    rules: [
      extensions.responseExtensionCritical,
      extensions.singleExtensionCritical,
      extensions.extensionDuplicate,
      extensions.sctListEmpty,
      extensions.nonceNotOctetString,
    ],
  },
  {
    when: hasCertificates,
    rules: [
      embedded.embeddedUnreadable,
      embedded.embeddedEmpty,
      embedded.embeddedTooMany,
      embedded.embeddedInDirectResponse,
      embedded.signerNotFirst,
      embedded.signerCopyExpired,
      embedded.embeddedExtra,
    ],
  },
  {
    when: always,
    rules: [body.responseTooLarge],
  },
  {
    when: isSloppy,
    rules: [
      encoding.trailingBytes,
      encoding.indefiniteLength,
      encoding.nonMinimalLength,
      encoding.nonMinimalInteger,
      encoding.booleanNotFf,
      encoding.defaultEncoded,
      encoding.extensionsEmpty,
      encoding.timeWithFraction,
      encoding.timeWithoutSeconds,
      encoding.timeWithOffset,
    ],
  },
  {
    when: always,
    rules: [
      encoding.versionNotV1,
      encoding.goodNotNull,
      deployment.tlsFeatureUnsupported,
      deployment.issuerNotServed,
      deployment.ocspUrlMissing,
    ],
  },
]

/** Every rule, in the order of findings. */
export const rules: readonly Rule[] = families.flatMap((family) => family.rules)

/** Every rule that has something to say of the response, with what it says, in the order of findings. */
export function occurrences(facts: Facts): { rule: Rule; occurrence: Occurrence }[] {
  const found: { rule: Rule; occurrence: Occurrence }[] = []
  for (const family of families) {
    if (!family.when(facts)) continue
    for (const rule of family.rules) {
      const occurrence = rule.check(facts)
      if (occurrence !== undefined) found.push({ rule, occurrence })
    }
  }
  return found
}

function isUnreadable({ malformed }: Facts): boolean {
  return malformed !== undefined
}

function isUnsuccessful({ response, basic }: Facts): boolean {
  return response !== undefined && (response.responseStatus !== 0 || basic === undefined)
}

function isDelegated({ signing }: Facts): boolean {
  return signing?.signer?.kind === 'delegate'
}

function hasExtensions({ basic }: Facts): boolean {
  if (basic === undefined) return false
  const { responseExtensions, responses } = basic
  return (
    responseExtensions.length > 0 ||
    responses.some(({ singleExtensions }) => singleExtensions.length > 0)
  )
}

function hasCertificates({ basic }: Facts): boolean {
  return basic?.certs !== undefined
}

function isSloppy({ sloppiness }: Facts): boolean {
  return sloppiness.length > 0
}
