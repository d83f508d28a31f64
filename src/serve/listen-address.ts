/** Where to listen. Port 0 takes any free one. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** The address cannot be listened on; the message says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code = 'LISTEN'
}

/** What stood in the way, for people; `setting` is what another address is given by: `--listen`. */
export function listenError(
  { host, port }: ListenAddress,
  setting: string,
  cause: unknown,
): ListenError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const at = `${host}:${port}`
  switch (code) {
    case 'EADDRINUSE':
      return new ListenError(
        `port ${port} on ${host} is in use; stop the program that has it (\`ss -ltnp 'sport = :${port}'\` names it), or choose another port with ${setting}`,
        { cause },
      )
    case 'EACCES':
      return new ListenError(
        `not allowed to listen on ${at}; choose a port above 1023 with ${setting}, or grant CAP_NET_BIND_SERVICE`,
        { cause },
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ListenError(
        `${host} is not an address of this machine; use 127.0.0.1, 0.0.0.0 or one that \`ip address\` shows with ${setting}`,
        { cause },
      )
    default:
      return new ListenError(
        `cannot listen on ${at}: ${String(cause)}; choose another address with ${setting}`,
        { cause },
      )
  }
}
