import { afterAll, beforeAll, expect, it } from 'vitest'
import { curlJudges, gnutlsJudges, type OpensslOptions, opensslSees } from './_clients.ts'
import type { Feed } from './_feed.ts'
import type { KeyKind } from './_openssl-ca.ts'
import { nextStaple, type ServerWorld } from './_server-world.ts'

/** A server with everstaple behind it. */
export interface FedServer {
  readonly feed: Feed
  readonly port: number
  /** Of its certificates, lower-case hex, by the kind of key. */
  readonly serials: Readonly<Partial<Record<KeyKind, string>>>
  /** Makes the server look for a newer staple, where it does so by itself after hours only. */
  readonly lookAgain?: () => void
}

/** How a server is looked at. */
export interface StapledOptions extends Pick<OpensslOptions, 'starttls'> {
  /** Default: `soon`. `late` where the server looks by itself after hours only, and nothing makes it. */
  readonly newer?: 'soon' | 'late'
}

/**
 * What holds for every server: all clients agree on the staples of all its certificates from the first handshake on, newer ones take
 * their place with nobody doing anything, and it staples on when everstaple is killed.
 */
export function stapled(
  world: () => ServerWorld,
  setup: (parts: AsyncDisposableStack) => Promise<FedServer>,
  { starttls, newer = 'soon' }: StapledOptions = {},
): void {
  const options = starttls === undefined ? {} : { starttls }
  const parts = new AsyncDisposableStack()
  let fed: FedServer
  beforeAll(async () => {
    fed = await setup(parts)
  })
  afterAll(() => parts.disposeAsync())
  const kinds = () => (['rsa', 'ecdsa'] as const).filter((kind) => fed.serials[kind] !== undefined)
  const sees = (signatures: KeyKind) =>
    opensslSees(world().at(fed.port), { ...options, signatures })
  const expectStaples = async () => {
    for (const kind of kinds()) {
      const serial = fed.serials[kind]
      expect(await sees(kind)).toMatchObject({ certStatus: 'good', serial })
    }
  }

  it('staples from the first handshake on, as openssl sees', () => expectStaples())
  if (starttls === undefined) {
    it('staples what curl --cert-status accepts', async () => {
      expect(await curlJudges(world().at(fed.port))).toEqual({ kind: 'accepted' })
    })
  }
  it('staples what gnutls-cli trusts', async () => {
    expect(await gnutlsJudges(world().at(fed.port), options)).toBe('stapled')
  })
  if (newer === 'soon') {
    it('staples newer ones as soon as they are there', async () => {
      const before = new Map<KeyKind, Awaited<ReturnType<typeof sees>>>()
      for (const kind of kinds()) before.set(kind, await sees(kind))
      await fed.feed.refresh()
      fed.lookAgain?.()
      for (const [kind, old] of before) {
        expect(await nextStaple(() => sees(kind), old)).not.toEqual(old)
      }
      await expectStaples()
    })
  }
  it('goes on when everstaple is killed', async () => {
    await fed.feed.kill()
    await expectStaples()
  })
}
