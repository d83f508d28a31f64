import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFleet, type Fleet } from './_fleet.ts'
import { describeWith } from './_peer.ts'
import { freePorts } from './_ports.ts'

/** An address of this machine that is not loopback: whoever comes from it is taken for another machine. */
const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address
if (elsewhere === undefined) {
  process.stderr.write('skipped: routes for other machines: this one has no address but loopback\n')
}

const holders = ['nobody', 'a stranger', 'read', 'edge', 'admin'] as const
const unknown = 'f'.repeat(64)

describeWith(['openssl'], 'routes, for other machines', () => {
  const parts = new AsyncDisposableStack()
  const tokens = new Map<string, string>([['a stranger', `evs_${'A'.repeat(43)}`]])
  let fleet: Fleet
  let base: string

  beforeAll(async () => {
    fleet = parts.use(await createFleet())
    const [port = 0] = await freePorts(1)
    for (const scope of ['read', 'edge', 'admin']) {
      const args = ['token', 'create', scope, '--scope', scope, '--json']
      const { stdout } = await fleet.run({ at: 'centre' }, ...args)
      tokens.set(scope, String(JSON.parse(stdout).token))
    }
    parts.use(await fleet.startCentre({ listen: `0.0.0.0:${port}` }))
    base = `http://${elsewhere}:${port}`
  })
  afterAll(() => parts.disposeAsync())

  const ask = async (method: string, path: string, holder: string, body?: string) => {
    const gone = new AbortController()
    const token = tokens.get(holder)
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const init = { method, headers, signal: gone.signal, ...(body === undefined ? {} : { body }) }
    const { status } = await fetch(base + path, init)
    // The feed goes on.
    gone.abort()
    return status
  }

  const report = JSON.stringify({ version: '1', extent: 'all', states: [] })
  /** What each of `holders` is answered with. */
  const table: readonly (readonly [string, string, readonly number[], string | undefined])[] = [
    ['GET', '/v1/certificates', [403, 401, 200, 200, 200], undefined],
    ['GET', `/v1/certificates/${unknown}`, [403, 401, 404, 404, 404], undefined],
    ['PUT', '/v1/certificates', [403, 401, 403, 422, 422], 'no certificate'],
    ['DELETE', `/v1/certificates/${unknown}`, [403, 401, 403, 403, 404], undefined],
    ['GET', '/v1/changes', [403, 401, 200, 200, 200], undefined],
    ['POST', '/v1/changes', [403, 401, 200, 200, 200], '{}'],
    ['GET', '/v1/edges', [403, 401, 200, 200, 200], undefined],
    ['POST', '/v1/edges/web1', [403, 401, 403, 204, 204], report],
    ['DELETE', '/v1/edges/web1', [403, 401, 403, 403, 204], undefined],
    ['GET', '/v1/none', [404, 404, 404, 404, 404], undefined],
    ['POST', '/v1/expect-staple', [415, 415, 415, 415, 415], 'no report'],
    ['OPTIONS', '/v1/expect-staple', [204, 204, 204, 204, 204], undefined],
    ['HEAD', '/v1/certificates', [403, 401, 200, 200, 200], undefined],
    ['GET', '/metrics', [200, 200, 200, 200, 200], undefined],
    ['GET', '/ocsp/none', [200, 200, 200, 200, 200], undefined],
    ['GET', '/healthz', [200, 200, 200, 200, 200], undefined],
    ['GET', '/readyz', [200, 200, 200, 200, 200], undefined],
  ]
  describe.skipIf(elsewhere === undefined)('with and without a token', () => {
    it.each(table)('%s %s', async (method, path, statuses, body) => {
      const answers: number[] = []
      for (const holder of holders) answers.push(await ask(method, path, holder, body))
      expect(answers).toEqual(statuses)
    })
  })
})
