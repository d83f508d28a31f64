import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { durationMs } from '../../der/time.ts'
import { encodeFeedEvent } from '../../serve/feed-event.ts'
import { systemClock } from '../../time/clock.ts'
import { HttpCentre, type HttpCentreOptions } from './http-centre.ts'

let server: Server
let answer: RequestListener
let authorizations: (string | undefined)[]
let stop: AbortController
beforeEach(async () => {
  authorizations = []
  stop = new AbortController()
  server = createServer((request, response) => {
    authorizations.push(request.headers.authorization)
    answer(request.resume(), response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
afterEach(() => {
  stop.abort()
  server.closeAllConnections()
  server.close()
})

function centre(options: Partial<HttpCentreOptions> = {}): HttpCentre {
  const { port } = server.address() as AddressInfo
  return new HttpCentre({ url: `http://127.0.0.1:${port}`, clock: systemClock, ...options })
}

async function follow(of: HttpCentre): Promise<readonly string[]> {
  const kinds: string[] = []
  const wanted = { fingerprints: [], place: undefined }
  try {
    for await (const { event } of of.changes(wanted, stop.signal)) kinds.push(event.kind)
  } catch (error) {
    return [...kinds, error instanceof Error ? error.message : String(error)]
  }
  return kinds
}

const report = { version: '1', extent: 'all', states: [] } as const

it('sends the token that there is at the moment', async () => {
  answer = (_, response) => response.writeHead(204).end()
  let token = 'a'
  await using to = centre({ token: async () => token })
  await to.report('web1', report, stop.signal)
  token = 'b'
  await to.offer('PEM', stop.signal)
  expect(authorizations).toEqual(['Bearer a', 'Bearer b'])
})

it('ends a feed in which nothing whole comes for too long, though bytes do', async () => {
  answer = (_, response) => {
    response.write(encodeFeedEvent({ event: { kind: 'current' }, place: undefined }))
    const timer = setInterval(() => response.write(':'), 5)
    response.on('close', () => clearInterval(timer))
  }
  await using of = centre({ silentAtMost: durationMs(50) })
  expect(await follow(of)).toEqual(['current', expect.stringMatching(/^it says nothing whole/)])
})

it.each([
  ['before it answers', [], (response: ServerResponse) => response.destroy()],
  [
    'in the middle of the feed',
    ['current'],
    (response: ServerResponse) => {
      response.write(encodeFeedEvent({ event: { kind: 'current' }, place: undefined }))
      setTimeout(() => response.destroy(), 20)
    },
  ],
])('says that the connection broke off %s', async (_, told, end) => {
  answer = (_request, response) => end(response)
  await using of = centre()
  expect(await follow(of)).toEqual([...told, 'the connection to it broke off'])
})

it('reads no more of an error than it can show', async () => {
  answer = (_, response) => {
    response.writeHead(503)
    const more = () => {
      while (response.write('x'.repeat(10_000)));
    }
    response.on('drain', more)
    more()
  }
  await using to = centre()
  const refused = to.report('web1', report, stop.signal)
  await expect(refused).rejects.toThrow(/^it answers with status 503: x{300}$/)
})

it('names the status of an error without a text', async () => {
  answer = (_, response) => response.writeHead(302).end()
  await using to = centre()
  await expect(to.offer('PEM', stop.signal)).rejects.toMatchObject({ statusCode: 302 })
})

it('says what keeps it from each address of a name', async () => {
  const { port } = server.address() as AddressInfo
  await using to = centre({ url: `http://localhost:${port}` })
  server.close()
  await expect(to.offer('PEM', stop.signal)).rejects.toThrow(/ECONNREFUSED/)
})
