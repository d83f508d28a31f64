/** In words for people why there was no answer of the centre, and what to do. `error`: of the connection or the exchange. */
export function whyUnreachable(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Where a name has several addresses, there is an error for each, and no message of its own.
  if (error instanceof AggregateError) return error.errors.map(whyUnreachable).join('; ')
  if ('syscall' in error && error.syscall === 'getaddrinfo') {
    return `${UNRESOLVED} (${error.message})`
  }
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const reason = 'reason' in error ? String(error.reason).slice(0, MOST_SHOWN) : code
    return `its certificate is one for other names (${reason}): ${OTHER_NAME}`
  }
  if (code === 'HPE_HEADER_OVERFLOW') return 'it answers with more header fields than are read'
  // Of the library's own words, some advise to use options of Node.js.
  const problem = certificateProblems.get(code)
  return problem === undefined ? error.message : `${problem.saw} (${code}): ${problem.cure}`
}

interface CertificateProblem {
  readonly saw: string
  readonly cure: string
}

const UNRESOLVED =
  'its name has no address: see that DNS works on this machine, or give the name one in /etc/hosts'
const OTHER_NAME =
  'write one of these into agent.server, or give the centre a certificate (tls.certificate there) with the name that stands there'
const CA_UNKNOWN: CertificateProblem = {
  saw: 'its certificate is not trusted here',
  cure: 'name a PEM file with the certificate of its CA in agent.ca',
}
const certificateProblems: ReadonlyMap<string, CertificateProblem> = new Map([
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', CA_UNKNOWN],
  ['UNABLE_TO_GET_ISSUER_CERT', CA_UNKNOWN],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', CA_UNKNOWN],
  ['SELF_SIGNED_CERT_IN_CHAIN', CA_UNKNOWN],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', CA_UNKNOWN],
  [
    'CERT_HAS_EXPIRED',
    {
      saw: 'its certificate, or one of its CA, has expired by the clock of this machine',
      cure: 'renew it on the centre (tls.certificate there), or set the clock right',
    },
  ],
  [
    'CERT_NOT_YET_VALID',
    {
      saw: 'its certificate, or one of its CA, is not valid yet by the clock of this machine',
      cure: 'set the clocks of this machine and of the centre right, as by NTP',
    },
  ],
])
const MOST_SHOWN = 300
