import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { departureOf } from './departure.ts'

const server = createServer()
beforeAll(() => once(server.listen(0, '127.0.0.1'), 'listening'))
afterAll(() => server.close())

/** Sends a request; gives its response as the server has it, and how to go away. */
async function caller(): Promise<{ response: ServerResponse; leave: () => Promise<void> }> {
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse]
  const leave = async () => {
    client.destroy()
    if (!response.closed) await once(response, 'close')
  }
  return { response, leave }
}

describe('departureOf()', () => {
  it('is aborted when the caller goes away', async () => {
    const { response, leave } = await caller()
    const departure = departureOf(response)
    expect(departure.aborted).toBe(false)
    await leave()
    expect(departure.aborted).toBe(true)
  })

  it('is aborted from the start for a caller who has gone', async () => {
    const { response, leave } = await caller()
    await leave()
    expect(departureOf(response).aborted).toBe(true)
  })

  it('is aborted when the answer is out', async () => {
    const { response, leave } = await caller()
    const departure = departureOf(response)
    response.end()
    await once(response, 'close')
    expect(departure.aborted).toBe(true)
    await leave()
  })
})
