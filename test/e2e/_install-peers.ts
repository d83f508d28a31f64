import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type PeerName, peer, peerPackages } from './_peer.ts'

/**
 * Run by vitest once before the end-to-end tests: installs the peers that are missing, where that can be done without asking anybody, which
 * is as root on Debian. Elsewhere, or when it does not work, the tests that need them are skipped (with `CI=true` they fail).
 */
export function setup(): void {
  const missing = missingPackages()
  if (missing.length === 0 || process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return
  process.stderr.write(
    `installing with apt-get what the tests run against: ${missing.join(', ')}\n`,
  )
  aptGet('update')
  // Each by itself: exim4 is left out where another mail server would have to go for it.
  for (const name of missing) {
    aptGet('install', '--yes', '--no-install-recommends', '--no-remove', name)
  }
}

function missingPackages(): readonly string[] {
  const names = Object.keys(peerPackages) as PeerName[]
  const missing = names.filter((name) => peer(name).kind === 'missing')
  return [...new Set(missing.map((name) => peerPackages[name]))]
}

function aptGet(...args: readonly string[]): void {
  // Another run of the tests may be at it: apt waits for others' installs itself, but not for their updates.
  const { status, error, stderr } = spawnSync(
    'flock',
    ['/var/lib/apt/lists', 'apt-get', '-o', 'DPkg::Lock::Timeout=300', '-qq', ...args],
    { env: { ...process.env, ...QUIETLY }, encoding: 'utf8', timeout: APT_TIMEOUT_MS },
  )
  if (status === 0) return
  process.stderr.write(`apt-get ${args.join(' ')}: ${error?.message ?? stderr.trim()}\n`)
}

/** invoke-rc.d starts no service in runlevel 1: a fresh nginx must not take port 80. */
const QUIETLY = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
const APT_TIMEOUT_MS = 600_000
