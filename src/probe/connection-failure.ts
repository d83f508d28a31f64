/** Why no handshake came about; stable names, also in metrics. */
export type FailureReason =
  | 'name-not-resolved'
  | 'connection-refused'
  | 'unreachable'
  | 'timeout'
  | 'not-tls'
  | 'handshake-refused'
  | 'connection-closed'

/** A handshake that did not come about. */
export interface ConnectionFailure {
  readonly reason: FailureReason
  /** What was seen, for people. */
  readonly problem: string
}

/** Names what an error of node:tls means. */
export function connectionFailure(error: Error): ConnectionFailure {
  const code = codeOf(error)
  const known = byCode.get(code)
  if (known !== undefined) return { reason: known[0], problem: `${known[1]} (${code})` }
  const alert = /SSL alert number (\d+)/.exec(error.message)?.[1]
  if (alert !== undefined) {
    const name = alerts.get(Number(alert)) ?? `alert ${alert}`
    return { reason: 'handshake-refused', problem: `the server refused the handshake: ${name}` }
  }
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') {
    return { reason: 'handshake-refused', problem: `no handshake came about (${code})` }
  }
  return { reason: 'connection-closed', problem: `the connection ended: ${error.message}` }
}

/**
 * Whether the server may only not want this offer: some servers send an alert then, others, such as those of Windows, just close the
 * connection.
 */
export function isRefusal({ reason }: ConnectionFailure): boolean {
  return reason === 'handshake-refused' || reason === 'connection-closed'
}

/** What to do about it, for people. */
export const hints: Readonly<Record<FailureReason, string>> = {
  'name-not-resolved': 'check the name, or give an address and the name by --servername',
  'connection-refused': 'check the port, and whether the server runs',
  unreachable: 'check the address and the route to it',
  timeout: 'check whether a firewall drops the connection',
  'not-tls': 'give the port of TLS itself: STARTTLS and the like are not spoken',
  'handshake-refused': 'check the name that is asked for with --servername',
  'connection-closed': 'look into the log of the server',
}

/** Several addresses were tried: what the first said is the best known. */
function codeOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  return first instanceof Error && 'code' in first && typeof first.code === 'string'
    ? first.code
    : ''
}

const byCode = new Map<string, readonly [FailureReason, string]>([
  ['ENOTFOUND', ['name-not-resolved', 'there is no such name']],
  ['EAI_AGAIN', ['name-not-resolved', 'the name could not be looked up']],
  ['ECONNREFUSED', ['connection-refused', 'nobody listens there']],
  ['EHOSTUNREACH', ['unreachable', 'there is no route to the host']],
  ['ENETUNREACH', ['unreachable', 'there is no route to the network']],
  ['EADDRNOTAVAIL', ['unreachable', 'the address cannot be reached from here']],
  ['ETIMEDOUT', ['timeout', 'no answer']],
  ['ERR_SSL_WRONG_VERSION_NUMBER', ['not-tls', 'what answers does not speak TLS']],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', ['not-tls', 'what answers does not speak TLS']],
  ['ECONNRESET', ['connection-closed', 'the server closed the connection in the handshake']],
])

/** RFC 8446 §6.2: those that servers send in a handshake. */
const alerts = new Map([
  [40, 'handshake_failure'],
  [47, 'illegal_parameter'],
  [70, 'protocol_version'],
  [71, 'insufficient_security'],
  [80, 'internal_error'],
  [112, 'unrecognized_name'],
  [116, 'certificate_required'],
])
