import type { Config } from '../config/config.ts'
import { noneAllowed, parseAllowedAddresses } from '../responders/address-screen.ts'
import type { Transport } from '../responders/transport.ts'
import { UndiciTransport } from '../responders/undici-transport.ts'
import type { Clock } from '../time/clock.ts'
import { version } from '../version.ts'

/** The transport that the configuration asks for. */
export function transportFor(
  { responders }: Pick<Config, 'responders'>,
  clock: Clock,
): Transport & AsyncDisposable {
  const allowed = parseAllowedAddresses(responders.allowAddresses)
  return new UndiciTransport({ clock, allowed: 'kind' in allowed ? noneAllowed : allowed, version })
}
