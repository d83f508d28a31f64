import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, test } from 'vitest'

/** Programs that nobody here wrote, which the end-to-end tests run against, and the Debian package of each. */
export const peerPackages = {
  openssl: 'openssl',
  curl: 'curl',
  nginx: 'nginx',
  'gnutls-cli': 'gnutls-bin',
  haproxy: 'haproxy',
  apache2: 'apache2',
  lighttpd: 'lighttpd-mod-openssl',
  hitch: 'hitch',
  exim4: 'exim4-daemon-light',
  dnsdist: 'dnsdist',
  caddy: 'caddy',
  'nats-server': 'nats-server',
  traffic_manager: 'trafficserver',
  traffic_ctl: 'trafficserver',
  'firefox-esr': 'firefox-esr',
  certutil: 'libnss3-tools',
  certbot: 'certbot',
  lego: 'lego',
  dehydrated: 'dehydrated',
  pebble: 'pebble',
  faketime: 'faketime',
} as const

export type PeerName = keyof typeof peerPackages

/** Whether a peer can be run here. */
export type Peer =
  | { readonly kind: 'found'; readonly path: string }
  | { readonly kind: 'missing'; readonly reason: string }

/** Looks a peer up, also in the folders of servers, which the PATH of ordinary users lacks. */
export function peer(name: PeerName): Peer {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  const path = folders.map((folder) => join(folder, name)).find(isProgram)
  if (path !== undefined) return { kind: 'found', path }
  return {
    kind: 'missing',
    reason: `${name} is not installed; install the package ${peerPackages[name]}`,
  }
}

/** The path of a peer that has been asked for with {@link describeWith}. */
export function peerPath(name: PeerName): string {
  const found = peer(name)
  if (found.kind === 'missing') throw new Error(found.reason)
  return found.path
}

/**
 * `describe` for tests that need peers. Where one is missing they are skipped, and the reason is told; with `CI=true` they fail
 * instead, so that a skip never hides there.
 */
export function describeWith(names: readonly PeerName[], title: string, tests: () => void): void {
  const missing = names.map(peer).filter((found) => found.kind === 'missing')
  const reasons = missing.map(({ reason }) => reason).join('; ')
  if (missing.length === 0) describe(title, tests)
  else if (process.env['CI'] === 'true') {
    describe(title, () => {
      test('its peers are installed', () => {
        throw new Error(reasons)
      })
    })
  } else {
    process.stderr.write(`skipped: ${title}: ${reasons}\n`)
    describe.skip(title, tests)
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
