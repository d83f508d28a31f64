import { expect, it } from 'vitest'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { systemClock } from '../time/clock.ts'
import { KeptCertificate } from './kept-certificate.ts'

it('says what the certificate says', () => {
  const { certificate } = makeHierarchy({ now: systemClock.now(), caKey: 'prime256v1' }).leaf
  const kept: Readonly<Record<string, unknown>> = { ...fieldsOf(new KeptCertificate(certificate)) }
  expect(kept).toEqual({ ...certificate })

  function fieldsOf(of: object): object {
    return Object.fromEntries(Object.keys(certificate).map((key) => [key, Reflect.get(of, key)]))
  }
})
