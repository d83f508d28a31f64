import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DAY_MS, type EpochMs, epochMs, HOUR_MS, plus } from '../../src/der/time.ts'
import { makeHierarchy } from '../../src/lab/hierarchy.ts'
import { buildResponse, type CertStatusKnob } from '../../src/lab/response-builder.ts'
import { encodeFeedEvent, type FeedEvent } from '../../src/serve/feed-event.ts'
import { systemClock } from '../../src/time/clock.ts'
import { type Everstaple, launchEverstaple } from './_everstaple.ts'
import { type Conduct, dripping, endlessly, startFakeCentre, tell } from './_fake-centre.ts'
import { fakeTime } from './_fake-time.ts'
import { describeWith } from './_peer.ts'

const now = epochMs(Math.floor(systemClock.now() / 1_000) * 1_000)
const pki = makeHierarchy({ now, caKey: 'prime256v1' })
const stranger = makeHierarchy({ now, caKey: 'prime256v1' })
const [leaf, other] = [pki.leaf, pki.issueLeaf()]
const good = stapleOf(leaf, plus(now, -2 * HOUR_MS))

// Its time passes thirty times as fast, so that its patience, which is 45 s, ends soon.
describeWith(['faketime'], 'an edge whose centre lies', () => {
  const parts = new AsyncDisposableStack()
  let folder: string
  let edge: Everstaple
  let conduct: (conduct: Conduct) => void
  const written = () => readFile(join(folder, 'certs/www.pem.ocsp'))
  /** Memory, in megabytes. */
  const memory = async () => {
    const status = await readFile(`/proc/${edge.program.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-lies-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    await mkdir(join(folder, 'certs'))
    await writeFile(join(folder, 'certs/www.pem'), leaf.pem + pki.issuer.pem)
    const centre = parts.use(await startFakeCentre())
    conduct = (next) => centre.conduct(next)
    conduct(tell([staple(good)]))
    const { env } = await fakeTime(join(folder, 'time'), '+0 x30')
    const config = {
      ...{ certificates: ['certs'], data: 'data', agent: { server: centre.url, name: 'web1' } },
      outputs: [{ file: '{source}.ocsp' }],
    }
    edge = parts.use(await launchEverstaple({ folder, config, command: 'agent', env }))
    await edge.logged('fileWritten')
  })
  afterAll(() => parts.disposeAsync())

  /** Lies so, and waits until the agent says so; then the staple that is good must be in its place. */
  const expectRefusal = async (lie: Conduct, says: RegExp) => {
    const before = edge.program.output().length
    conduct(lie)
    await edge.program.wrote(says, before)
    expect(await written()).toEqual(Buffer.from(good))
  }
  const notTaken = (why: string) => new RegExp(`"event":"stapleNotTaken".*${why}`)
  const away = (why: string) => new RegExp(`"event":"centreAway".*${why}`)

  const staples: readonly (readonly [string, Uint8Array, string])[] = [
    ['forged', stapleOf(leaf, now, stranger), 'signature-invalid|signer-missing|responder-id'],
    ['foreign', stapleOf(other, plus(now, -HOUR_MS)), 'cert-id-mismatch'],
    ['expired', stapleOf(leaf, plus(now, -5 * DAY_MS)), 'next-update-passed'],
    ['of the future', stapleOf(leaf, plus(now, DAY_MS)), 'this-update-in-future'],
    ['rolled back', stapleOf(leaf, plus(now, -3 * HOUR_MS)), 'in hand of'],
    ['oversized', Buffer.alloc(70_000, 0x30).fill(1, 1), 'malformed|too-large'],
    ['no staple', Buffer.from('<html>'), 'body-is-text|malformed'],
  ]
  it.each(staples)('refuses a staple that is %s', (_, der, why) =>
    expectRefusal(tell([staple(der)]), notTaken(why)),
  )

  const revocations: readonly (readonly [string, Uint8Array | undefined, string])[] = [
    ['without a response', undefined, 'does not show the response'],
    ['that another CA signed', revocationOf(leaf, now, stranger), 'signature|signer|responder-id'],
    ['of another certificate', revocationOf(other, now), 'cert-id-mismatch'],
    ['by a response that says good', stapleOf(leaf, now), 'and says good'],
    ['older than the staple', revocationOf(leaf, plus(now, -3 * HOUR_MS)), 'in hand of'],
    ['from the future', revocationOf(leaf, plus(now, DAY_MS)), 'this-update-in-future'],
    ['by no response', Buffer.from('<html>'), 'body-is-text|malformed'],
  ]
  it.each(revocations)('withdraws nothing for a revocation %s', (_, response, why) =>
    expectRefusal(tell([revoked(response)]), notTaken(why)),
  )

  const streams: readonly (readonly [string, Conduct, string])[] = [
    ['garbage', endlessly(`${'x'.repeat(1_000)}\n\n`), 'is not one of the feed'],
    ['a line without end', endlessly('x'.repeat(65_536)), 'an event has more than'],
    ['lines without end', endlessly('data: 1\n'), 'an event has more than'],
    ['events without end', endlessly(text({ kind: 'current' })), 'events in a minute'],
    ['one staple without end', endlessly(text(staple(good))), 'events in a minute'],
    ['comments without end', endlessly(':\n\n'), 'nothing whole'],
    ['a drip', dripping(': almost nothing\n'), 'nothing whole'],
    ['an error without end', endlessly('x'.repeat(65_536), 500), 'status 500'],
    ['a redirection', (to) => to.writeHead(302, { location: 'http://x/' }).end(), 'status 302'],
    ['huge header fields', (to) => hugeHead(to), 'more header fields than are read'],
    ['no answer', () => {}, 'does not answer within'],
  ]
  it.each(streams)('leaves a centre that sends %s', (_, stream, why) =>
    expectRefusal(stream, away(why)),
  )

  it('has not grown over it', async () => {
    const before = await memory()
    await expectRefusal(endlessly('x'.repeat(65_536), 500), away('status 500'))
    await expectRefusal(endlessly(`${'x'.repeat(90_000)}\n\n`), away('is not one'))
    expect(await memory()).toBeLessThan(Math.max(200, before + 50))
  })

  it('takes what is good again', async () => {
    const before = edge.program.output().length
    conduct(tell([staple(stapleOf(leaf, plus(now, -HOUR_MS)))]))
    await edge.logged('fileWritten', before)
  })

  it('withdraws what the CA has revoked', async () => {
    const before = edge.program.output().length
    conduct(tell([revoked(revocationOf(leaf, now))]))
    await edge.logged('fileRemoved', before)
    expect(edge.program.output().slice(before)).toContain('"event":"certificateRevoked"')
  })
})

function stapleOf(of: typeof leaf, thisUpdate: EpochMs, by = pki): Uint8Array {
  return responseOf(of, { thisUpdate, certStatus: 'good' }, by)
}

function revocationOf(of: typeof leaf, thisUpdate: EpochMs, by = pki): Uint8Array {
  return responseOf(of, { thisUpdate, certStatus: { revokedAt: thisUpdate } }, by)
}

function responseOf(
  of: typeof leaf,
  saying: { readonly thisUpdate: EpochMs; readonly certStatus: CertStatusKnob },
  by: typeof pki,
): Uint8Array {
  const certID = { certificate: of.certificate, issuer: pki.issuer.certificate }
  const nextUpdate = plus(saying.thisUpdate, 4 * DAY_MS)
  return buildResponse({ responses: [{ certID, ...saying, nextUpdate }], signer: by.issuer })
}

function staple(der: Uint8Array): FeedEvent {
  return { kind: 'staple', fingerprint: leaf.certificate.fingerprint, staple: der }
}

function revoked(response: Uint8Array | undefined): FeedEvent {
  return { kind: 'revoked', fingerprint: leaf.certificate.fingerprint, asOf: now, response }
}

function text(event: FeedEvent): string {
  return encodeFeedEvent({ event, place: undefined })
}

function hugeHead(response: Parameters<Conduct>[0]): void {
  response.writeHead(200, { 'x-huge': 'x'.repeat(100_000) }).end()
}
