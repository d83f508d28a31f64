import { byOutcome, type OutcomePattern } from './by-outcome.ts'

// What is signed does not come about by chance on the way: two answers of a kind are enough, where
// one may be from a backend in the middle of a change. What can come about on the way (a portal, a
// cut-off body) is believed from three on.

/** CA #2. */
export const signatureAlgorithmMismatch: OutcomePattern = byOutcome({
  name: 'signature-algorithm-mismatch',
  advice: 'tell the CA that its signatureAlgorithm must name the algorithm that was used',
  outcomes: ['signature-algorithm-mismatch'],
  atLeast: 2,
  says: 'return a response that names another signature algorithm than it is signed with',
})

/** CA #3. */
export const integersNotMinimal: OutcomePattern = byOutcome({
  name: 'integers-not-minimal',
  advice:
    'tell the CA that its INTEGERs have superfluous octets, and have such certificates replaced',
  outcomes: ['non-minimal-integer'],
  atLeast: 2,
  says: 'return a response with an INTEGER that is not minimally encoded',
})

export const signerNotAuthorized: OutcomePattern = byOutcome({
  name: 'signer-not-authorized',
  advice:
    'tell the CA to sign as the issuer, or with a valid OCSP signer that the issuer has issued',
  outcomes: [
    'signer-missing',
    'signer-not-issued-by-issuer',
    'signer-issuer-name-differs',
    'signer-without-ocsp-signing',
    'signer-expired',
    'signer-not-yet-valid',
    'signer-is-ca',
    'signer-unknown-critical-extension',
    'signer-nocheck-critical',
    'signer-signed-with-sha1',
    'signer-algorithms-differ',
    'signer-key-weak',
    'signer-certificate-malformed',
    'responder-id-mismatch',
    'responder-id-names-issuer',
  ],
  atLeast: 2,
  says: 'return a response whose signer clients do not accept',
})

export const wrongCertificateAnswered: OutcomePattern = byOutcome({
  name: 'wrong-certificate-answered',
  advice: 'tell the CA that its responder, or a cache before it, mixes up certificates',
  outcomes: ['cert-id-mismatch', 'single-response-missing'],
  atLeast: 2,
  says: 'return a response about another certificate',
})

export const sha256CertID: OutcomePattern = byOutcome({
  name: 'sha256-cert-id',
  advice: 'tell the CA to answer with the CertID that was asked for: most clients know SHA-1 only',
  outcomes: ['cert-id-hash-not-sha1'],
  atLeast: 2,
  says: 'return a CertID with another hash than the SHA-1 of the request',
})

export const pageForPeople: OutcomePattern = byOutcome({
  name: 'page-for-people',
  advice: 'open the OCSP URL from this machine: where no proxy of yours answers, tell the CA',
  outcomes: ['body-empty', 'body-one-byte', 'body-is-text'],
  atLeast: 3,
  says: 'return a page, or next to nothing, instead of an OCSP response',
})

export const clockAhead: OutcomePattern = byOutcome({
  name: 'clock-ahead',
  advice: 'check the clock of this machine, and if it is right tell the CA that its own is ahead',
  outcomes: ['this-update-in-future'],
  atLeast: 2,
  says: 'return a response that is not valid yet',
})

export const outdatedAnswers: OutcomePattern = byOutcome({
  name: 'outdated-answers',
  advice: 'tell the CA that its responder, or a cache before it, still gives out what has expired',
  outcomes: ['next-update-passed', 'this-update-too-old'],
  atLeast: 2,
  says: 'return a response that has expired or is too old for browsers',
})
