import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { durationMs, HOUR_MS, MINUTE_MS } from '../der/time.ts'
import type { LabCertificate } from '../lab/ca.ts'
import type { UndiciTransport } from '../responders/undici-transport.ts'
import type { Store } from '../store/store.ts'
import { SimulatedClock } from '../time/simulated-clock.ts'
import { found, localTransport, pki, snapshotOf, start, storeFolder, until } from './_setup.ts'
import { takeIn } from './intake.ts'
import { IssuerSearch } from './issuer-search.ts'

let folder: ReturnType<typeof storeFolder>
let store: Store
let clock: SimulatedClock
let transport: UndiciTransport
let search: IssuerSearch
let stop: AbortController
let ended: Promise<void>
let log: string[]
let asked: number
let body: Uint8Array | undefined
let url: string
const server = createServer((_request, response) => {
  asked++
  response.writeHead(body === undefined ? 503 : 200).end(body)
})

beforeEach(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ca.der`
  folder = storeFolder()
  store = await folder.open()
  clock = new SimulatedClock(start)
  transport = localTransport()
  log = []
  asked = 0
  body = pki.issuer.der
  stop = new AbortController()
  search = new IssuerSearch({
    store,
    transport,
    clock,
    random: () => 0.5,
    found: () => log.push('wake'),
    events: {
      issuerFound: ({ certificate }) => log.push(`found: ${certificate.classification}`),
      issuerNotFound: ({ retryIn }) => log.push(`not found, again in ${retryIn / MINUTE_MS}m`),
      storeFailed: ({ error }) => log.push(`store: ${String(error)}`),
    },
  })
  ended = search.run(stop.signal)
})
afterEach(async () => {
  stop.abort()
  await ended
  await transport[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

describe('the search for issuers', () => {
  it('makes a certificate one that can have a staple', async () => {
    const leaf = orphan()
    await manage(leaf)
    await until(() => log.length === 2)
    expect(log).toEqual(['found: ocsp', 'wake'])
    const entry = await store.entry({ id: leaf.certificate.fingerprint })
    expect(entry?.schedule).toMatchObject({ dueAt: start })
  })

  it('fetches the issuer of many certificates once', async () => {
    await manage(orphan(), orphan(), orphan())
    await until(() => log.length === 6)
    expect(asked).toBe(1)
  })

  it('asks again with back-off while it fails, once a round for all', async () => {
    body = undefined
    await manage(orphan(), orphan())
    await until(() => log.length === 2)
    expect(asked).toBe(1)
    await clock.advance(durationMs(MINUTE_MS))
    await until(() => log.length === 4)
    body = pki.issuer.der
    await clock.advance(durationMs(2 * MINUTE_MS))
    await until(() => log.length === 8)
    expect([log[0], log[2], log[4], asked]).toEqual([
      'not found, again in 1m',
      'not found, again in 2m',
      'found: ocsp',
      3,
    ])
  })

  it('is not hurried by snapshots that want the same again', async () => {
    body = undefined
    const leaf = orphan()
    await manage(leaf)
    await until(() => log.length === 1)
    for (let round = 0; round < 5; round++) {
      search.want([leaf.certificate])
      await until(() => clock.sleeping === 1)
    }
    expect(asked).toBe(1)
  })

  it('hears of another one while it waits for the first', async () => {
    body = undefined
    const first = orphan()
    await manage(first)
    await until(() => log.length === 1)
    body = pki.issuer.der
    await manage(first, orphan())
    await until(() => log.includes('wake'))
    await clock.advance(durationMs(HOUR_MS))
    await until(() => log.filter((line) => line === 'wake').length === 2)
    expect(asked).toBe(2)
  })

  it('leaves a certificate alone whose issuer has come from a file meanwhile', async () => {
    const leaf = orphan()
    await takeIn(store, snapshotOf([found(leaf)]), start)
    search.want([leaf.certificate])
    await until(() => asked === 1 && clock.sleeping === 1)
    expect(log).toEqual([])
  })
})

function orphan(): LabCertificate {
  return pki.issueLeaf({ caIssuersUrls: [url] })
}

async function manage(...leaves: LabCertificate[]): Promise<void> {
  const alone = leaves.map((leaf) => ({
    ...found(leaf),
    issuer: undefined,
    classification: 'issuer-missing' as const,
  }))
  search.want((await takeIn(store, snapshotOf(alone), start)).orphans)
}
