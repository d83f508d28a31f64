import type { Rule } from '../rule.ts'
import * as body from './body.ts'
import * as deployment from './deployment.ts'
import * as embedded from './embedded.ts'
import * as encoding from './encoding.ts'
import * as extensions from './extensions.ts'
import * as identity from './identity.ts'
import * as signature from './signature.ts'
import * as signer from './signer.ts'
import * as times from './times.ts'

/**
 * Every rule, in the order of findings, what helps most first: no answer at all, the wrong certificate or a bad status, times, who signed,
 * the signature, what comes along, encodings, deployment. To add a rule, write it in its family and add it here.
 */
export const rules: readonly Rule[] = [
  body.bodyEmpty,
  body.bodyOneByte,
  body.bodyIsText,
  body.responseMalformed,
  body.responseStatusNotSuccessful,
  body.responseBytesMissing,
  body.responseTypeNotBasic,

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

  signature.signatureAlgorithmMismatch,
  signature.signatureInvalid,
  signer.signerMissing,
  signer.signerNotIssuedByIssuer,
  signer.signerIssuerNameDiffers,
  signer.signerWithoutOcspSigning,
  signer.signerExpired,
  signer.signerNotYetValid,
  signer.responderIDMismatch,
  signer.responderIDNamesIssuer,
  signer.signerIsCa,
  signer.signerUnknownCriticalExtension,
  signer.signerNoCheckCritical,
  signer.signerSignedWithSha1,
  signer.signerAlgorithmsDiffer,
  signer.signerKeyWeak,
  signature.signatureSha1,

  signature.signatureAlgorithmUnsupported,
  signature.signatureAlgorithmUncommon,
  signature.signatureEcdsaParameters,
  signature.signatureUnusedBits,
  extensions.responseExtensionCritical,
  extensions.singleExtensionCritical,
  extensions.extensionDuplicate,
  extensions.sctListEmpty,
  extensions.nonceNotOctetString,

  embedded.embeddedUnreadable,
  embedded.embeddedEmpty,
  embedded.embeddedTooMany,
  embedded.embeddedInDirectResponse,
  embedded.signerNotFirst,
  embedded.signerCopyExpired,
  embedded.embeddedExtra,
  body.responseTooLarge,

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
  encoding.versionNotV1,
  encoding.goodNotNull,

  deployment.tlsFeatureUnsupported,
  deployment.issuerNotServed,
  deployment.ocspUrlMissing,
]
