import { describe, expect, test } from 'vitest'
import { FirstMethod } from './first-method.ts'

/** The methods that the next fetches begin with. */
function next(of: FirstMethod, count = 1): string {
  return Array.from({ length: count }, () => of.next()).join(' ')
}

function fetched(of: FirstMethod, times: number, get: string, post = 'staple'): void {
  const answered = get.startsWith('http-') ? Number(get.slice('http-'.length)) : 200
  const statusCode = ['timeout', 'redirect'].includes(get) ? undefined : answered
  const attempts = [
    { method: 'GET', outcome: get, statusCode },
    ...(get === 'staple' ? [] : [{ method: 'POST', outcome: post, statusCode: 200 } as const]),
  ] as const
  for (let time = 0; time < times; time++) of.learn(attempts)
}

describe('the first method', () => {
  test.each([
    ['GET', 4, 'http-405', 'staple'],
    ['POST', 5, 'http-405', 'staple'],
    ['POST', 5, 'malformedRequest', 'staple'],
    ['POST', 5, 'redirect', 'staple'],
    ['GET', 50, 'http-405', 'unauthorized'],
    ['GET', 50, 'http-503', 'staple'],
    ['GET', 50, 'http-429', 'staple'],
    ['GET', 50, 'timeout', 'staple'],
  ] as const)(
    'is %s after %i fetches where GET gave %s and POST %s',
    (method, times, get, post) => {
      const of = new FirstMethod()
      fetched(of, times, get, post)
      expect(next(of)).toBe(method)
    },
  )

  test('is GET again in one fetch of sixteen, and always once that works', () => {
    const of = new FirstMethod()
    fetched(of, 5, 'http-405')
    expect(next(of, 32)).toBe(`${'POST '.repeat(15)}GET ${'POST '.repeat(15)}GET`)
    fetched(of, 1, 'staple')
    expect(next(of, 3)).toBe('GET GET GET')
  })

  test('stays GET where it is refused now and then only', () => {
    const of = new FirstMethod()
    for (let round = 0; round < 20; round++) {
      fetched(of, 4, 'http-404')
      fetched(of, 1, 'staple')
    }
    expect(next(of)).toBe('GET')
  })
})
