import type { Sloppiness } from '../../der/sloppiness.ts'
import { allBut, type ClientName } from '../clients.ts'
import type { Facts } from '../facts.ts'
import { onBasic, onSingle, type Rule } from '../rule.ts'

export const trailingBytes: Rule = {
  name: 'trailing-bytes',
  meaning: 'Bytes follow where the response, or a part of it, has ended.',
  reference: 'X.690 §8.1; mozilla::pkix, BoringSSL, GnuTLS, Go, OpenJDK',
  rejectedBy: ['mozpkix', 'boringssl', 'gnutls', 'go', 'openjdk'],
  remedy: 'diagnose',
  check: (facts) => {
    const note = facts.sloppiness.find(({ kind }) => kind === 'trailing-bytes')
    if (note === undefined) return undefined
    const rejectedBy: ClientName[] = ['mozpkix', 'boringssl', 'gnutls', 'go']
    if (note.field === 'OCSPResponse') rejectedBy.push('openjdk')
    return { saw: place(note), required: 'nothing after the end', rejectedBy }
  },
}

export const indefiniteLength: Rule = encodingRule('indefinite-length', {
  meaning: 'A length is left open, as BER allows and DER forbids.',
  rejectedBy: ['mozpkix', 'boringssl', 'gnutls', 'go'],
  required: 'definite lengths',
})

export const nonMinimalLength: Rule = encodingRule('non-minimal-length', {
  meaning: 'A length takes more octets than it needs.',
  rejectedBy: ['mozpkix', 'boringssl', 'go', 'wolfssl'],
  required: 'minimal lengths',
})

export const nonMinimalInteger: Rule = encodingRule('non-minimal-integer', {
  meaning: 'An INTEGER has a superfluous octet in front (CA #3 of the Cloudflare post).',
  // BoringSSL takes a serial number that is padded as in the certificate.
  rejectedBy: allBut('openjdk', 'boringssl'),
  required: 'minimal INTEGERs',
})

export const nonMinimalOid: Rule = encodingRule('non-minimal-oid', {
  meaning: 'A number in an OBJECT IDENTIFIER has a superfluous octet in front.',
  rejectedBy: allBut('mozpkix', 'boringssl', 'wolfssl'),
  required: 'minimal OBJECT IDENTIFIERs',
})

export const booleanNotFf: Rule = encodingRule('boolean-not-ff', {
  meaning: 'TRUE is written as another octet than FF.',
  rejectedBy: ['mozpkix', 'boringssl'],
  required: 'FF for TRUE',
})

export const defaultEncoded: Rule = encodingRule('default-encoded', {
  meaning: 'A default value is written out, which DER forbids; Chromium ignores the response.',
  rejectedBy: ['boringssl'],
  required: 'defaults left out',
})

export const extensionsEmpty: Rule = encodingRule('empty-sequence', {
  name: 'extensions-empty',
  meaning: 'A list of extensions is there and empty; Chromium ignores the response.',
  rejectedBy: ['boringssl'],
  required: 'no list rather than an empty one',
})

export const timeWithFraction: Rule = {
  name: 'time-with-fraction',
  meaning: 'A time is written with fractions of a second.',
  reference: 'RFC 5280 §4.1.2.5.2',
  rejectedBy: ['mozpkix', 'boringssl', 'gnutls', 'go', 'wolfssl', 'nginx'],
  remedy: 'fatal',
  check: (facts) =>
    timeNote(facts, 'time-with-fraction', [
      'mozpkix',
      'boringssl',
      'gnutls',
      'go',
      'wolfssl',
      'nginx',
    ]),
}

export const timeWithoutSeconds: Rule = {
  name: 'time-without-seconds',
  meaning: 'A time is written without seconds.',
  reference: 'RFC 5280 §4.1.2.5.2',
  rejectedBy: ['mozpkix', 'boringssl', 'go', 'wolfssl'],
  remedy: 'fatal',
  check: (facts) =>
    timeNote(facts, 'time-without-seconds', ['mozpkix', 'boringssl', 'go', 'wolfssl']),
}

export const timeWithOffset: Rule = {
  name: 'time-with-offset',
  meaning: 'A time is written with an offset instead of in UTC.',
  reference: 'RFC 5280 §4.1.2.5.2',
  rejectedBy: ['mozpkix', 'boringssl', 'gnutls', 'go'],
  remedy: 'fatal',
  check: (facts) => timeNote(facts, 'time-with-offset', ['mozpkix', 'boringssl', 'gnutls', 'go']),
}

export const versionNotV1: Rule = {
  name: 'version-not-v1',
  meaning: 'The response is of a version that does not exist.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: ['mozpkix', 'boringssl'],
  remedy: 'fatal',
  check: onBasic(({ version }) =>
    version === 0 ? undefined : { saw: `version ${version}`, required: 'v1 (0)' },
  ),
}

export const goodNotNull: Rule = {
  name: 'good-not-null',
  meaning: 'The status good is encoded as something else than NULL.',
  reference: 'RFC 6960 §4.2.1',
  rejectedBy: allBut('openjdk'),
  remedy: 'fatal',
  check: onSingle(({ certStatus }) => {
    if (certStatus.status !== 'good' || certStatus.encoding === 'null') return undefined
    const saw = `good encoded as ${certStatus.encoding === 'constructed' ? 'A0' : '80 with content'}`
    return certStatus.encoding === 'constructed'
      ? { saw, required: '80 00' }
      : { saw, required: '80 00', rejectedBy: allBut('boringssl', 'go', 'openjdk') }
  }),
}

function encodingRule(
  kind: Sloppiness['kind'],
  rule: Pick<Rule, 'meaning' | 'rejectedBy'> & { name?: string; required: string },
): Rule {
  const { required, name = kind, ...rest } = rule
  return {
    name,
    ...rest,
    reference: 'X.690 §10 and §11',
    remedy: 'fatal',
    check: ({ sloppiness }) => {
      if (sloppiness.length === 0) return undefined
      const note = sloppiness.find((n) => n.kind === kind)
      return note && { saw: place(note), required }
    },
  }
}

/** Clients that never read producedAt take any spelling of it. */
function timeNote(
  { sloppiness }: Facts,
  kind: Sloppiness['kind'],
  rejectedBy: readonly ClientName[],
): ReturnType<Rule['check']> {
  const notes = sloppiness.filter((n) => n.kind === kind)
  const [first] = notes
  if (first === undefined) return undefined
  const judged = notes.some(({ field }) => field.startsWith('SingleResponse.'))
  const lenient: readonly ClientName[] = ['gnutls', 'wolfssl', 'nginx']
  return {
    saw: place(first),
    required: 'YYYYMMDDHHMMSSZ',
    rejectedBy: judged ? rejectedBy : rejectedBy.filter((client) => !lenient.includes(client)),
  }
}

function place({ saw, offset, field }: Sloppiness): string {
  return saw.endsWith(`of ${field}`)
    ? `${saw}, at byte ${offset}`
    : `${saw} at byte ${offset}, in ${field}`
}
