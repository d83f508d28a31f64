import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { classify, displayName } from '../certificates/classify.ts'
import type { FoundCertificate, Snapshot } from '../certificates/source.ts'
import { type EpochMs, plus } from '../der/time.ts'
import type { LabCertificate } from '../lab/ca.ts'
import { type Hierarchy, makeHierarchy } from '../lab/hierarchy.ts'
import { parseAllowedAddresses } from '../responders/address-screen.ts'
import { UndiciTransport, type UndiciTransportOptions } from '../responders/undici-transport.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { systemClock } from '../time/clock.ts'
import { isMustStaple } from '../x509/extensions.ts'

/** Whole hours, as the lab's answers change at quarters of one. */
export const start: EpochMs = plus(systemClock.now(), -(systemClock.now() % 3_600_000))

/** Made once, as keys take time. */
export const pki: Hierarchy = makeHierarchy({ now: start, caKey: 'prime256v1' })

export function found(
  { certificate }: LabCertificate,
  issuer: LabCertificate | undefined = pki.issuer,
  sources: readonly string[] = ['/certs/a.pem'],
): FoundCertificate {
  return {
    certificate,
    issuer: issuer?.certificate,
    sources,
    ...classify(certificate, issuer?.certificate, start),
    name: displayName(certificate),
    mustStaple: isMustStaple(certificate.extensions),
  }
}

export function snapshotOf(
  certificates: readonly FoundCertificate[],
  rest: Partial<Snapshot> = {},
): Snapshot {
  return { certificates, problems: [], unreadable: [], ...rest }
}

/** A folder for a store, removed at the end. */
export function storeFolder(): Disposable & { readonly open: () => Promise<Store> } {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-'))
  return {
    open: () => openSqliteStore({ folder }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** A transport that reaches responders on this machine. */
export function localTransport(limits: UndiciTransportOptions['limits'] = {}): UndiciTransport {
  const allowed = parseAllowedAddresses(['127.0.0.0/8'])
  if ('kind' in allowed) throw new Error('the addresses cannot be read')
  return new UndiciTransport({ clock: systemClock, allowed, version: 'test', limits })
}

/** Resolves when `isSo`, which others bring about; looked at after every turn of the event loop. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}
