import { DAY_MS, HOUR_MS, plus } from '../../der/time.ts'
import { OCSP_SIGNING } from '../../x509/extensions.ts'
import { type CertificateKnobs, type LabCertificate, makeCertificate } from '../ca.ts'
import { makeKeyRing } from '../keys.ts'
import { lying } from './answers.ts'
import type { Exchange, Fault } from './fault.ts'
import { bugzilla, type Misbehaviour } from './misbehaviour.ts'

/** Who signs, and which certificates come along. */
export const signers: readonly Misbehaviour[] = [
  {
    name: 'signer-ends-before-next-update',
    number: 20,
    source: 'Symantec ALERT2435, October 2017',
    wire: 'the delegated signer’s certificate ends in two hours, nextUpdate is in four days',
    expected: 'accept',
    fault: delegating(({ request: { at } }) => ({ notAfter: plus(at, 2 * HOUR_MS) })),
  },
  {
    name: 'signer-expired',
    number: 20,
    source: 'Symantec ALERT2435, October 2017',
    wire: 'the delegated signer’s certificate ended an hour ago',
    expected: 'back-off',
    fault: delegating(({ request: { at } }) => ({ notAfter: plus(at, -HOUR_MS) })),
  },
  {
    name: 'issuer-embedded',
    number: 27,
    source: 'golang/go#81395, #59641; ocsp_monitor#5',
    wire: 'signed by the issuer, whose own certificate comes along',
    expected: 'diagnose',
    fault: lying((knobs, { issuer }) => ({ ...knobs, signer: issuer, certs: [issuer.der] })),
  },
  {
    name: 'signer-not-first',
    number: 28,
    source: 'golang/go#21527',
    wire: 'the issuer’s certificate before that of the delegated signer',
    expected: 'diagnose',
    fault: delegating(
      () => ({}),
      (signer, issuer) => [issuer.der, signer.der],
    ),
  },
  {
    name: 'signer-of-another-root',
    number: 33,
    source: 'bugzilla.mozilla.org 1233645',
    wire: 'the delegated signer was issued by a CA that is not the issuer',
    expected: 'fatal',
    fault: delegating(({ issuer }) => ({ issuer: strangerLike(issuer) })),
  },
  {
    name: 'signer-without-ocsp-signing',
    number: 34,
    source: bugzilla(1996857, 'Izenpe'),
    wire: 'the delegated signer’s certificate has no id-kp-OCSPSigning',
    expected: 'fatal',
    fault: delegating(() => ({ extendedKeyUsage: undefined })),
  },
  {
    name: 'signer-with-other-key-usage',
    number: 34,
    source: bugzilla(1996857, 'Izenpe'),
    wire: 'the delegated signer’s certificate is for keyEncipherment only',
    expected: 'diagnose',
    fault: delegating(() => ({ keyUsage: ['keyEncipherment'] })),
  },
]

/** Signed by a delegated signer whose certificate is as it should be but for `knobs`. */
export function delegating(
  knobs: (exchange: Exchange) => Partial<CertificateKnobs>,
  certs: (signer: LabCertificate, issuer: LabCertificate) => readonly Uint8Array[] = ({ der }) => [
    der,
  ],
): Fault {
  return lying((honest, exchange) => {
    const { issuer, request } = exchange
    const signer = makeCertificate({
      subject: 'OCSP signer',
      key: keys('signer', 'prime256v1'),
      issuer,
      notBefore: plus(request.at, -10 * DAY_MS),
      notAfter: plus(request.at, 30 * DAY_MS),
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [OCSP_SIGNING],
      ocspNoCheck: 'non-critical',
      ...knobs(exchange),
    })
    const responses = honest.responses.map((single) => ({
      ...single,
      nextUpdate: plus(request.at, 4 * DAY_MS),
    }))
    return { ...honest, responses, signer, certs: certs(signer, issuer) }
  })
}

/** A CA that calls itself as the issuer does, with a key of its own. */
function strangerLike({ certificate }: LabCertificate): LabCertificate {
  const { subject, notBefore, notAfter } = certificate
  return makeCertificate({
    subject,
    key: keys('stranger', 'prime256v1'),
    notBefore,
    notAfter,
    isCa: true,
  })
}

/** Made once: what tells one signer from another is the certificate. */
const keys = makeKeyRing()
