import { describe, expect, it } from 'vitest'
import { makeMutants } from '../lab/mutants/mutants.ts'
import { seededRandom } from '../lab/seeded-random.ts'
import { allVectors, examined, hierarchy, now } from './_vectors.ts'
import { parseResponse } from './response.ts'

const { SLOW } = process.env
const runs = SLOW ? 100_000 : 3_000

const mutants = function* () {
  const makeMutant = makeMutants(hierarchy, now)
  for (let run = 0; run < runs; run++) yield makeMutant(seededRandom('canonical', run))
}

/** Every vector and many mutants, each with its canonical form where it has one. */
const cases = [
  ...allVectors.map(({ name, response }) => ({ story: name as string, response })),
  ...mutants(),
].flatMap(({ story, response }) => {
  const { canonical, findings } = examined(response)
  return canonical === undefined ? [] : [{ story, response, findings, ...canonical }]
})

describe('the canonical form', () => {
  it('is looked at in many cases, of which many are rewritten', () => {
    const rewritten = cases.filter(({ response, der }) => !Buffer.from(der).equals(response))
    expect(cases.length).toBeGreaterThan(runs / 10)
    expect(rewritten.length).toBeGreaterThan(runs / 50)
  })
  it('has the bytes of tbsResponseData and of the signature as they were received', () => {
    const changed = cases.filter(({ response, der }) => signedPart(response) !== signedPart(der))
    expect(changed.map(({ story }) => story)).toEqual([])
  })
  it('of a canonical form is that form', () => {
    const unstable = cases.filter(({ der }) => {
      const again = examined(der).canonical?.der
      return again === undefined || !Buffer.from(again).equals(der)
    })
    expect(unstable.map(({ story }) => story)).toEqual([])
  })
  it('is judged as it was judged when it was made', () => {
    const differing = cases.filter(({ der, accepted }) => examined(der).accepted !== accepted)
    expect(differing.map(({ story }) => story)).toEqual([])
  })
  it('is refused only for what the bytes as received have, too', () => {
    const made = cases.filter(({ der, findings }) => {
      const known = new Set(findings.map(({ rule }) => rule))
      const refusals = examined(der).findings.filter(({ level }) => level === 'reject')
      return refusals.some(({ rule }) => !known.has(rule))
    })
    expect(made.map(({ story }) => story)).toEqual([])
  })
  it('is not refused without a finding that says so', () => {
    const silent = cases.filter(
      ({ accepted, findings }) => !accepted && findings.every(({ level }) => level !== 'reject'),
    )
    expect(silent.map(({ story }) => story)).toEqual([])
  })
  it('is never larger than what was received', () => {
    const larger = cases.filter(({ response, der }) => der.length > response.length)
    expect(larger.map(({ story }) => story)).toEqual([])
  })
})

/** tbsResponseData and the signature with its count of unused bits, in hex. */
function signedPart(response: Uint8Array): string {
  const parsed = parseResponse(response)
  if ('kind' in parsed || parsed.basic === undefined) throw new Error('not to be read')
  const { tbsResponseData: tbs, signature } = parsed.basic
  const bytes = [response.subarray(tbs.start, tbs.end), response.subarray(signature.start - 1)]
  const [data, bits] = bytes.map((part) => Buffer.from(part).toString('hex'))
  return `${data} ${bits?.slice(0, (signature.end - signature.start + 1) * 2)}`
}
