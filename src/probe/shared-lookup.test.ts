import { describe, expect, it } from 'vitest'
import { type LookupAll, sharedLookup } from './shared-lookup.ts'

const addresses = [
  { address: '2001:db8::1', family: 6 },
  { address: '192.0.2.1', family: 4 },
]

/** What two connections are told, and how often the system was asked. */
async function told(answer: Parameters<Parameters<LookupAll>[2]>, options: { all: boolean }) {
  let asked = 0
  const lookup = sharedLookup((_hostname, _options, callback) => {
    asked++
    queueMicrotask(() => callback(...answer))
  })
  const one = () =>
    new Promise((resolve) => lookup('www.test', options, (...given) => resolve(given)))
  const answers = await Promise.all([one(), one()])
  return { answers, asked }
}

describe('sharedLookup()', () => {
  it.each([
    ['all addresses', { all: true }, [null, addresses]],
    ['the first one, where one is asked for', { all: false }, [null, '2001:db8::1', 6]],
  ])('asks once, and gives every connection %s', async (_, options, expected) => {
    expect(await told([null, addresses], options)).toMatchObject({
      answers: [expected, expected],
      asked: 1,
    })
  })
  it('gives every connection the error', async () => {
    const error = new Error('ENOTFOUND')
    const { answers } = await told([error], { all: true })
    expect(answers).toEqual([
      [error, []],
      [error, []],
    ])
  })
})
