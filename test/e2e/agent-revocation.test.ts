import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { SECOND_MS } from '../../src/der/time.ts'
import { validFor } from '../../src/lab/faults/answers.ts'
import { makeHierarchy } from '../../src/lab/hierarchy.ts'
import { startResponder } from '../../src/lab/responder.ts'
import { systemClock } from '../../src/time/clock.ts'
import { launchEverstaple } from './_everstaple.ts'

describe('an edge whose certificate is revoked', () => {
  const parts = new AsyncDisposableStack()
  afterAll(() => parts.disposeAsync())

  it('withdraws its staple, as the centre shows what the CA has signed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'everstaple-revoked-'))
    parts.defer(() => rm(folder, { recursive: true, force: true }))
    const pki = makeHierarchy({ now: systemClock.now(), caKey: 'prime256v1' })
    // Half of its life is over: the centre asks again soon.
    const fault = validFor(-30 * SECOND_MS, 30 * SECOND_MS)
    const responder = parts.use(await startResponder({ issuer: pki.issuer, fault }))
    const leaf = pki.issueLeaf({ dnsNames: ['www.test'], ocspUrls: [responder.url] })
    for (const name of ['centre', 'edge']) {
      await mkdir(join(folder, name, 'certs'), { recursive: true })
      await writeFile(join(folder, name, 'certs/www.pem'), leaf.pem + pki.issuer.pem)
    }
    const both = {
      ...{ certificates: ['certs'], data: 'data' },
      responders: { allowAddresses: ['127.0.0.1'] },
    }
    const centre = await launchEverstaple({
      ...{ folder: join(folder, 'centre'), command: 'run', config: both },
    })
    parts.use(centre)
    const agent = { server: centre.url, name: 'edge' }
    const edge = await launchEverstaple({
      ...{ folder: join(folder, 'edge'), command: 'agent' },
      config: { ...both, agent, outputs: [{ file: '{source}.ocsp' }] },
    })
    parts.use(edge)
    await edge.logged('fileWritten')

    responder.setStatus(leaf.certificate, { revokedAt: systemClock.now() })
    await centre.logged('certificateRevoked')
    await edge.logged('certificateRevoked')
    await edge.logged('fileRemoved')
    expect(existsSync(join(folder, 'edge/certs/www.pem.ocsp'))).toBe(false)
    expect(edge.program.output()).not.toContain('"event":"stapleNotTaken"')
  })
})
