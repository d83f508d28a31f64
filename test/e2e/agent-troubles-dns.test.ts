import { copyFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Everstaple, launchEverstaple } from './_everstaple.ts'
import { createFleet, type Fleet } from './_fleet.ts'
import type { OpensslLeaf } from './_openssl-ca.ts'
import { ownDns } from './_own-dns.ts'
import { describeWith, peerPath } from './_peer.ts'
import { runProgram } from './_program.ts'

describeWith(['openssl'], 'while DNS is down', () => {
  let fleet: Fleet
  let centre: Everstaple
  const parts = new AsyncDisposableStack()
  const asked = async (of: Everstaple, { certificate }: OpensslLeaf) => {
    const { certificate: issuer } = fleet.ca.issuer
    const { stdout, stderr } = await runProgram(peerPath('openssl'), [
      ...['ocsp', '-issuer', issuer, '-cert', certificate, '-CAfile', fleet.ca.root],
      ...['-url', `${of.url}/ocsp/`],
    ])
    return /: (good|revoked|unknown)|Responder Error: (\w+)/.exec(stdout + stderr)?.[0]
  }

  beforeAll(async () => {
    fleet = parts.use(await createFleet())
    centre = parts.use(await fleet.startCentre())
  })
  afterAll(() => parts.disposeAsync())

  it('an edge staples on and says so, and follows its centre again when DNS is back', async (context) => {
    const first = await fleet.issue('first.test', ['centre'])
    await centre.logged('stapleStored')
    await fleet.addEdge('edge')
    await copyFile(first.chain, fleet.at('edge/certs/first.test.pem'))
    const dns = await ownDns(fleet.at('edge/dns'))
    if (dns === undefined) return context.skip('no mount namespace can be made')
    const { by } = dns
    const server = fleet.url.replace('127.0.0.1', 'centre.test')
    {
      await dns.names('centre.test')
      await using edge = await fleet.startEdge('edge', { by, agent: { server } })
      await edge.logged('fileWritten')
    }
    await dns.names('other.test')
    await using edge = await fleet.startEdge('edge', { by, agent: { server } })
    await edge.program.wrote(
      /"event":"centreAway".*its name has no address: see that DNS works .*getaddrinfo E\w+ centre\.test.*staples in hand are served on/,
    )
    expect(await asked(edge, first)).toBe(': good')
    await dns.names('centre.test')
    await edge.logged('centreReached')
  })

  it('the service staples on, its attempts say so, and it asks again when DNS is back', async (context) => {
    await fleet.addEdge('alone')
    const dns = await ownDns(fleet.at('alone/dns'))
    if (dns === undefined) return context.skip('no mount namespace can be made')
    const ocspUrl = fleet.responder.url.replace('127.0.0.1', 'ocsp.test')
    const issue = async (name: string) => {
      const leaf = await fleet.ca.issue({ name, ocspUrl })
      await fleet.responder.start()
      await copyFile(leaf.chain, fleet.at(`alone/certs/${name}.pem`))
      return leaf
    }
    await dns.names('ocsp.test')
    const second = await issue('second.test')
    const config = {
      ...{ certificates: [fleet.at('alone/certs')], data: fleet.at('alone/data') },
      responders: { allowAddresses: ['127.0.0.1'] },
    }
    const folder = fleet.at('alone')
    await using alone = await launchEverstaple({ folder, config, command: 'run', by: dns.by })
    await alone.logged('stapleStored')
    await dns.names('other.test')
    const third = await issue('third.test')
    await alone.program.wrote(
      /"event":"fetchFailed".*"the host name could not be resolved: getaddrinfo E\w+ ocsp\.test/,
    )
    const [answer, { stdout }] = await Promise.all([
      asked(alone, second),
      fleet.run({ at: 'alone' }, 'status', 'third.test'),
    ])
    await dns.names('ocsp.test')
    expect(answer).toBe(': good')
    expect(stdout).toMatch(/the host name could not be resolved/)
    await alone.program.wrote(/"event":"stapleStored".*third\.test/)
    expect(await asked(alone, third)).toBe(': good')
  })
})
