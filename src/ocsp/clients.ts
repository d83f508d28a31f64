/** The implementations whose acceptance is modelled; names as in `explain --json` and `policy.clients`. */
export const clientNames = [
  'mozpkix',
  'boringssl',
  'openssl',
  'curl',
  'gnutls',
  'go',
  'openjdk',
  'wolfssl',
  'nginx',
  'haproxy',
] as const

export type ClientName = (typeof clientNames)[number]
