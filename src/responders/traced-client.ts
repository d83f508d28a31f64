import { type buildConnector, Client, type Dispatcher } from 'undici'

/**
 * Where an exchange went, of several the last; goes along with the request as `opaque`, and is filled in by the {@link TracedClient} that
 * sends it.
 */
export class Trace {
  #client: TracedClient | undefined

  /** The address of the connection that was used, `''` before there is one. */
  get remoteAddress(): string {
    return this.#client?.remoteAddress ?? ''
  }

  sentBy(client: TracedClient): void {
    this.#client = client
  }
}

/** One connection at a time, one request at a time on it, so that the address of the connection is the address that answered. */
export class TracedClient extends Client {
  readonly #peer: Peer

  constructor(origin: string | URL, options: Client.Options, connect: buildConnector.connector) {
    const peer: Peer = { address: '' }
    super(origin, { ...options, pipelining: 1, connect: remembering(peer, connect) })
    this.#peer = peer
  }

  get remoteAddress(): string {
    return this.#peer.address
  }

  override dispatch(
    options: Dispatcher.DispatchOptions & { readonly opaque?: unknown },
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    if (options.opaque instanceof Trace) options.opaque.sentBy(this)
    return super.dispatch(options, handler)
  }
}

interface Peer {
  address: string
}

function remembering(peer: Peer, connect: buildConnector.connector): buildConnector.connector {
  return (target, callback) => {
    peer.address = ''
    connect(target, (...outcome) => {
      peer.address = outcome[1]?.remoteAddress ?? ''
      callback(...outcome)
    })
  }
}
