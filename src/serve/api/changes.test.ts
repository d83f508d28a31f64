import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fastify } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, plus, SECOND_MS } from '../../der/time.ts'
import { MemoryStore } from '../../lab/memory-store.ts'
import { bytes, certificate, NOW, schedule, staple } from '../../store/_records.ts'
import { SimulatedClock } from '../../time/simulated-clock.ts'
import { ChangeFeed } from '../feed.ts'
import { serveChanges } from './changes.ts'

const store = new MemoryStore()
const clock = new SimulatedClock(NOW)
const feed = new ChangeFeed({ store, clock, tagsOf: () => [] })
const closing = new AbortController()
const app = fastify()
let url: string
beforeAll(async () => {
  serveChanges(app, feed, { closing: closing.signal, slowest: durationMs(300) })
  url = `${await app.listen({ host: '127.0.0.1', port: 0 })}/changes`
  await store.putCertificates([certificate(1), certificate(2)], NOW)
})
afterAll(async () => {
  closing.abort()
  await app.close()
})

/** The kinds of the events until all was told, and the place then. */
async function read(response: Response): Promise<{ kinds: string[]; place: string }> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true })
    if (text.includes('event: current')) break
  }
  const all = (pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found)
  return { kinds: all(/^event: (.*)$/gm), place: all(/^id: (.*)$/gm).at(-1) ?? '' }
}

async function streamOf(from: string): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await fetch(from)
  if (body === null) throw new Error('no body')
  return body
}

/** The events about certificates that came whole, until all was told or the connection ended. */
async function blocksOf(stream: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const pieces: Uint8Array[] = []
  for await (const piece of stream) {
    pieces.push(piece)
    if (Buffer.from(piece).includes('event: current')) break
  }
  const blocks = Buffer.concat(pieces).toString('latin1').split('\n\n').slice(0, -1)
  return blocks.filter((block) => block.includes('fingerprint'))
}

describe('/v1/changes', () => {
  it('is a stream of server-sent events', async () => {
    const response = await fetch(url)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect((await read(response)).kinds).toEqual(['reset', 'missing', 'missing', 'current'])
  })

  it('goes on at a place, by header or query', async () => {
    const { place } = await read(await fetch(url))
    const { id } = certificate(1)
    const usableUntil = plus(NOW, DAY_MS)
    await store.complete(id, schedule(), { staple: staple(1, { usableUntil }) })
    feed.pulse()
    const header = await fetch(url, { headers: { 'Last-Event-ID': place } })
    expect((await read(header)).kinds).toEqual(['staple', 'current'])
    expect((await read(await fetch(`${url}?after=${place}`))).kinds).toEqual(['staple', 'current'])
  })

  it('takes a filter in the query or in a body', async () => {
    const { id } = certificate(2)
    const query = await fetch(`${url}?fingerprint=${id}&fingerprint=${'0'.repeat(64)}`)
    expect((await read(query)).kinds).toEqual(['reset', 'missing', 'current'])
    const body = JSON.stringify({ fingerprint: [id] })
    const posted = await fetch(url, { method: 'POST', body })
    expect((await read(posted)).kinds).toEqual(['reset', 'missing', 'current'])
  })

  it.each(['?since=1', `?name=${'x'.repeat(300)}`])('refuses %s', async (query) => {
    expect((await fetch(url + query)).status).toBe(400)
  })

  it('refuses a body that is no JSON object', async () => {
    expect((await fetch(url, { method: 'POST', body: '[' })).status).toBe(400)
  })

  it('lets a reader go that hangs up', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write('GET /changes HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    const before = clock.sleeping
    socket.destroy()
    await once(socket, 'close')
    await expect.poll(() => clock.sleeping).toBe(before - 1)
  })

  it('cuts off a reader that takes nothing, which goes on at its place without loss or repeat', async () => {
    const many = Array.from({ length: 1_500 }, (_, number) => certificate(10 + number))
    await store.putCertificates(many, NOW)
    const usableUntil = plus(NOW, DAY_MS)
    for (const [number, { id }] of many.entries()) {
      const large = staple(number, { usableUntil, der: bytes(number, 4_000) })
      await store.complete(id, schedule(), { staple: large })
    }
    feed.pulse()
    await clock.advance(durationMs(SECOND_MS))
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.pause().write('GET /changes HTTP/1.0\r\n\r\n')
    const [served] = (await once(app.server, 'connection')) as [Socket]
    // The system takes some for it: not 8 MB.
    await once(served, 'close')
    const told = await blocksOf(socket)
    expect(told.length).toBeLessThan(many.length)
    const after = /^id: (.*)/.exec(told.at(-1) ?? '')?.[1]
    const rest = await blocksOf(await streamOf(`${url}?after=${after}`))
    expect([...told, ...rest]).toEqual(await blocksOf(await streamOf(url)))
  })
})
