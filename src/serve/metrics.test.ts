import { fastify } from 'fastify'
import { describe, expect, it } from 'vitest'
import { serveMetrics } from './metrics.ts'
import { metricsText } from './metrics-text.ts'

describe('metricsText()', () => {
  it('is what Prometheus reads', () => {
    const samples = [
      { labels: {}, value: 3 },
      { labels: { a: 'x"y\\z\n', b: '' }, value: 0.5 },
    ]
    const text = metricsText([{ name: 'm', type: 'gauge', help: 'What it is.', samples }])
    expect(text.split('\n')).toEqual([
      '# HELP m What it is.',
      '# TYPE m gauge',
      'm 3',
      'm{a="x\\"y\\\\z\\n",b=""} 0.5',
      '',
    ])
  })
})

describe('/metrics', () => {
  it('answers with the text, made once for all that ask at the same time', async () => {
    const app = fastify()
    let made = 0
    let arrived = 0
    app.addHook('onRequest', async () => void arrived++)
    let answer = Promise.withResolvers<string>()
    serveMetrics(app, {
      metrics: () => {
        made++
        return answer.promise
      },
    })
    const both = [app.inject('/metrics').then(), app.inject('/metrics').then()]
    await expect.poll(() => arrived).toBe(2)
    answer.resolve('m 1\n')
    for (const { statusCode, headers, body } of await Promise.all(both)) {
      expect([statusCode, body]).toEqual([200, 'm 1\n'])
      expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    }
    expect(made).toBe(1)
    answer = Promise.withResolvers()
    answer.reject(new Error('disk full'))
    expect((await app.inject('/metrics')).statusCode).toBe(500)
    answer = Promise.withResolvers()
    answer.resolve('m 2\n')
    expect((await app.inject('/metrics')).body).toBe('m 2\n')
    await app.close()
  })
})
