import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import type { DurationMs } from '../der/time.ts'
import { type AllowedAddresses, screenAddress } from './address-screen.ts'
import { refusedAddress } from './request-url.ts'

/** Our own screen kept a connection from being made, or from being used. */
class RefusedAddressError extends Error {
  override readonly name = 'RefusedAddressError'
  readonly code = 'REFUSED_ADDRESS'
}

export interface ScreenedConnectOptions {
  readonly allowed: AllowedAddresses
  readonly timeout: DurationMs
  /** How host names are resolved. Default: as the system does, `/etc/hosts` included. */
  readonly lookup?: LookupFunction
  /** Whether an address is tried after all others of a name only. Default: none is. */
  readonly isAvoided?: (address: string) => boolean
}

/**
 * Connects to screened addresses only. Names are resolved once and what was screened is what is connected to, so that a name
 * server cannot give another address the second time (DNS rebinding). An address in the URL itself never passes by the look-up: that one is
 * screened by `requestTarget`, and once more here, as is everything, when the connection stands.
 */
export function screenedConnect(options: ScreenedConnectOptions): buildConnector.connector {
  const { allowed, timeout, lookup = systemLookup as LookupFunction } = options
  const { isAvoided = () => false } = options
  const connect = buildConnector({
    timeout,
    lookup: screenedLookup(lookup, allowed, isAvoided),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
  } as buildConnector.BuildOptions)
  return (target, callback) => {
    connect(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      const address = socket.remoteAddress ?? ''
      const reason = screenAddress(address, allowed)
      if (reason === undefined) return callback(null, socket)
      socket.destroy()
      callback(new RefusedAddressError(refusedAddress(address, reason)), null)
    })
  }
}

/** Of all addresses of a name, those that pass the screen; an error where none does. */
function screenedLookup(
  lookup: LookupFunction,
  allowed: AllowedAddresses,
  isAvoided: (address: string) => boolean,
): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, [])
      const addresses = typeof found === 'string' ? [{ address: found, family: 0 }] : found
      const passed = addresses.filter(
        ({ address }) => screenAddress(address, allowed) === undefined,
      )
      const last = passed.filter(({ address }) => isAvoided(address))
      const good = [...passed.filter((each) => !last.includes(each)), ...last]
      const [first] = good
      if (first === undefined) return callback(noneGood(hostname, addresses, allowed), [])
      if (options.all === true) callback(null, good)
      else callback(null, first.address, first.family)
    })
  }
}

function noneGood(
  hostname: string,
  addresses: readonly { readonly address: string }[],
  allowed: AllowedAddresses,
): RefusedAddressError {
  const reasons = addresses.map(({ address }) =>
    refusedAddress(address, screenAddress(address, allowed) ?? 'public'),
  )
  return new RefusedAddressError(
    `${hostname} has no address that may be asked: ${reasons[0] ?? 'none at all'}`,
  )
}

/**
 * How long one address of several is tried before the next joins in. Node.js takes 250 ms, which a link over a satellite or to another
 * continent under load does not hold; TCP sends its first SYN again after one second.
 */
const ADDRESS_ATTEMPT_MS = 1_000
