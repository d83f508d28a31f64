import { describe, expect, it, test } from 'vitest'
import { epochMs, HOUR_MS, plus } from '../der/time.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { buildResponse } from '../lab/response-builder.ts'
import {
  type ServerName,
  type StapleFacts,
  serverNames,
  stapleFacts,
  whyMishandled,
} from './targets.ts'

const now = epochMs(1_795_000_000_000)
const fine: StapleFacts = {
  sizeBytes: 500,
  singleResponses: 1,
  certIDHash: 'sha1',
  nextUpdate: plus(now, HOUR_MS),
  status: 'good',
}

/** The servers that mishandle a staple as given by file, and by socket. */
function refusing(changes: Partial<StapleFacts>, way: 'file' | 'socket' = 'file'): ServerName[] {
  const facts = { ...fine, ...changes }
  return serverNames.filter((server) => whyMishandled(server, facts, { now, way }) !== undefined)
}

describe('whyMishandled()', () => {
  test.each<[string, Partial<StapleFacts>, readonly ServerName[]]>([
    ['an ordinary staple', {}, []],
    ['10,239 bytes', { sizeBytes: 10_239 }, []],
    ['10,240 bytes', { sizeBytes: 10_240 }, ['apache']],
    ['10,241 bytes', { sizeBytes: 10_241 }, ['apache', 'trafficserver']],
    ['16,385 bytes', { sizeBytes: 16_385 }, ['nginx', 'apache', 'trafficserver']],
    ['two SingleResponses', { singleResponses: 2 }, ['haproxy', 'dnsdist']],
    [
      'a CertID by SHA-256',
      { certIDHash: '2.16.840.1.101.3.4.2.1' },
      ['apache', 'haproxy', 'hitch'],
    ],
    ['no nextUpdate', { nextUpdate: undefined }, ['haproxy', 'dnsdist']],
    ['300 s left', { nextUpdate: plus(now, 300_000) }, ['haproxy']],
    ['301 s left', { nextUpdate: plus(now, 301_000) }, []],
    ['revoked', { status: 'revoked' }, ['hitch', 'exim', 'dnsdist']],
    ['unknown', { status: 'unknown' }, ['haproxy', 'hitch', 'exim', 'dnsdist']],
  ])('%s', (_, changes, servers) => {
    expect(refusing(changes)).toEqual(servers)
  })

  it('knows that a command to HAProxy must fit into its buffer', () => {
    expect(refusing({ sizeBytes: 12_000 }, 'socket')).not.toContain('haproxy')
    expect(refusing({ sizeBytes: 12_001 }, 'socket')).toContain('haproxy')
  })

  test.each<[ServerName, Partial<StapleFacts>, string]>([
    ['apache', { sizeBytes: 11_000 }, 'apache takes 10239 bytes by file, the staple has 11000'],
    ['dnsdist', { singleResponses: 3 }, 'dnsdist takes one SingleResponse, the staple has 3'],
    ['hitch', { certIDHash: '1.2' }, "hitch knows a CertID by SHA-1 only, the staple's has 1.2"],
    ['exim', { status: 'revoked' }, 'exim takes good, the staple says revoked'],
    ['dnsdist', { nextUpdate: undefined }, 'dnsdist requires a nextUpdate'],
    [
      'haproxy',
      { nextUpdate: plus(now, 1) },
      'haproxy drops a staple 300 s before its nextUpdate, 2026-11-18T11:06:40.001Z',
    ],
  ])('says of %s what it saw and what is required', (server, changes, text) => {
    expect(whyMishandled(server, { ...fine, ...changes }, { now, way: 'file' })).toBe(text)
  })
})

describe('stapleFacts()', () => {
  const pki = makeHierarchy({ now, caKey: 'prime256v1' })
  const certID = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }

  it('are those of the response', () => {
    const one = { certID, thisUpdate: now, nextUpdate: plus(now, HOUR_MS) }
    const der = buildResponse({ responses: [one, one], signer: pki.issuer })
    expect(stapleFacts(der)).toEqual({ ...fine, sizeBytes: der.length, singleResponses: 2 })
  })

  test.each([
    ['nothing', []],
    ['tryLater', [0x30, 3, 10, 1, 3]],
    ['no response', [1, 2, 3]],
  ])('are none of %s', (_, bytes) => {
    expect(stapleFacts(Uint8Array.from(bytes))).toBeUndefined()
  })
})
