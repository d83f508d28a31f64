import type { Facts } from '../facts.ts'
import type { Occurrence, Rule } from '../rule.ts'
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
import {
  hasExtensions,
  hasMoreThanTheSigner,
  isDelegated,
  isDelegatedOddly,
  isDeployedOddly,
  isEncodedOddly,
  isLarge,
  isNoteworthy,
  isNotSimplyGood,
  isNotVerified,
  isSignedOddly,
  isUnreadable,
  isUnsuccessful,
  isUntimely,
  onceForSigner,
} from './when.ts'

/** Rules that have nothing to say unless `when` holds; asking that once for all of them keeps a clean response cheap. */
interface Family {
  readonly when: (facts: Facts) => boolean
  readonly rules: readonly Rule[]
}

/** What the signer's certificate must be to speak for the issuer. */
const signerRights: readonly Rule[] = [
  signer.signerNotIssuedByIssuer,
  signer.signerIssuerNameDiffers,
  signer.signerWithoutOcspSigning,
]

/** How the signer's certificate must be made. */
const signerForm: readonly Rule[] = [
  signer.signerIsCa,
  signer.signerKeyUsage,
  signer.signerUnknownCriticalExtension,
  signer.signerNoCheckCritical,
  signer.signerSignedWithSha1,
  signer.signerAlgorithmsDiffer,
  signerCertificate.signerCertificateMalformed,
  signerCertificate.signerTakenForRoot,
]

/** Which keys and algorithms clients take. */
const signatureKinds: readonly Rule[] = [
  signer.signerKeyWeak,
  signature.signatureSha1,
  signature.signatureAlgorithmUnsupported,
  signature.signatureAlgorithmUncommon,
]

const isSignerFlawed = onceForSigner([...signerRights, ...signerForm], ({ issuer }) => issuer)
const isKindUncommon = onceForSigner(signatureKinds, ({ signing }) => signing?.scheme)

function isDelegateFlawed(facts: Facts): boolean {
  return isDelegated(facts) && isSignerFlawed(facts)
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
    when: isNotSimplyGood,
    rules: [
      identity.certIDMismatch,
      identity.statusRevoked,
      identity.statusNotIssued,
      identity.statusUnknown,
      identity.certIDHashNotSha1,
      identity.singleResponseMissing,
      identity.singleResponsesSeveral,
    ],
  },
  {
    when: isUntimely,
    rules: [
      times.certificateExpired,
      times.nextUpdatePassed,
      times.nextUpdateMissing,
      times.nextUpdateNotAfterThisUpdate,
      times.thisUpdateInFuture,
      times.thisUpdateTooOld,
      times.producedOutsideCertificateValidity,
      times.usableTimeOver,
      times.renewedLate,
      times.validityVeryShort,
      times.validityOverTenDays,
    ],
  },
  {
    when: isNotVerified,
    rules: [signature.signatureAlgorithmMismatch, signature.signatureInvalid, signer.signerMissing],
  },
  {
    when: isDelegateFlawed,
    rules: signerRights,
  },
  {
    when: isDelegatedOddly,
    rules: [signer.signerExpired, signer.signerNotYetValid, signer.responderIDNamesIssuer],
  },
  {
    when: isDelegateFlawed,
    rules: signerForm,
  },
  {
    when: (facts) => isSignedOddly(facts) || isKindUncommon(facts),
    rules: [
      signer.responderIDMismatch,
      ...signatureKinds,
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
    when: hasMoreThanTheSigner,
    rules: [
      embedded.embeddedUnreadable,
      embedded.embeddedEmpty,
      embedded.embeddedTooMany,
      embedded.embeddedInDirectResponse,
      embedded.signerNotFirst,
      embedded.signerCopyExpired,
      embedded.signerCopyNotIssued,
      embedded.embeddedExtra,
    ],
  },
  {
    when: isLarge,
    rules: [body.responseTooLarge, body.responseLargerThanPolicy],
  },
  {
    when: isEncodedOddly,
    rules: [
      encoding.trailingBytes,
      encoding.indefiniteLength,
      encoding.nonMinimalLength,
      encoding.nonMinimalInteger,
      encoding.nonMinimalOid,
      encoding.booleanNotFf,
      encoding.defaultEncoded,
      encoding.extensionsEmpty,
      encoding.timeWithFraction,
      encoding.timeWithoutSeconds,
      encoding.timeWithOffset,
      encoding.versionNotV1,
      encoding.goodNotNull,
    ],
  },
  {
    when: isDeployedOddly,
    rules: [
      deployment.tlsFeatureUnsupported,
      deployment.issuerNotServed,
      deployment.ocspUrlMissing,
    ],
  },
]

/** Every rule, in the order of findings. */
export const rules: readonly Rule[] = families.flatMap((family) => family.rules)

/** A rule met, and what it says. */
export interface Found {
  readonly rule: Rule
  readonly occurrence: Occurrence
}

/** Every rule that has something to say of the response, with what it says, in the order of findings. */
export function occurrences(facts: Facts): readonly Found[] {
  if (!isNoteworthy(facts) && !isKindUncommon(facts) && !isDelegateFlawed(facts)) return NOTHING
  const found: Found[] = []
  for (const family of families) {
    if (!family.when(facts)) continue
    for (const rule of family.rules) {
      const occurrence = rule.check(facts)
      if (occurrence !== undefined) found.push({ rule, occurrence })
    }
  }
  return found
}

const NOTHING: readonly Found[] = []
