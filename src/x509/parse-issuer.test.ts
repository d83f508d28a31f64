import { expect, it } from 'vitest'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { systemClock } from '../time/clock.ts'
import { parseIssuer, sharedIssuer } from './parse-issuer.ts'

const { issuer, root } = makeHierarchy({ now: systemClock.now(), caKey: 'prime256v1' })

it('gives the same object for the same bytes', () => {
  const first = parseIssuer(issuer.der)
  expect(first).toMatchObject({ fingerprint: issuer.certificate.fingerprint })
  expect(parseIssuer(Uint8Array.from(issuer.der))).toBe(first)
  expect(sharedIssuer(issuer.certificate)).toBe(first)
})

it('gives others for others', () => {
  expect(parseIssuer(root.der)).not.toBe(parseIssuer(issuer.der))
})

it('does not share what has a sloppy encoding, nor what is no certificate', () => {
  const sloppy = parseIssuer(Buffer.concat([root.der, Uint8Array.of(0)]))
  expect(sloppy).not.toBe(parseIssuer(root.der))
  expect(parseIssuer(Uint8Array.of(0x30))).toMatchObject({ kind: 'malformed' })
})
