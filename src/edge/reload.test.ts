import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { durationMs, SECOND_MS } from '../der/time.ts'
import { ManualClock } from './_manual-clock.ts'
import { type ReloaderOptions, startReloader } from './reload.ts'
import type { CommandResult } from './shell-command.ts'

const failure: CommandResult = { kind: 'failed', problem: 'exit status 1', output: 'no such file' }

/** A reloader whose command takes no time and ends as told; `log` has what happened, with the second. */
function started(
  results: CommandResult[] = [],
  run?: () => Promise<CommandResult>,
  more: Pick<ReloaderOptions, 'test' | 'finished'> = {},
) {
  const clock = new ManualClock()
  const log: string[] = []
  const at = () => clock.monotonic() / SECOND_MS
  const reloader = startReloader({
    command: 'reload',
    ...more,
    clock,
    events: {
      reloaded: () => log.push(`${at()} done`),
      reloadFailed: ({ problem, output, retryIn }) =>
        log.push(`${at()} ${problem}: ${output}, again in ${retryIn}`),
    },
    run: async (command) => {
      log.push(`${at()} ${command}`)
      return run === undefined ? (results.shift() ?? { kind: 'done' }) : run()
    },
  })
  return { clock, log, reloader }
}

describe('the reload command', () => {
  it('runs once, two seconds after the last of many changes', async () => {
    const { clock, log, reloader } = started()
    for (let i = 0; i < 5; i += 1) {
      reloader.request()
      await clock.advance(SECOND_MS)
    }
    expect(log).toEqual([])
    await clock.advance(60 * SECOND_MS)
    expect(log).toEqual(['6 reload', '6 done'])
  })

  it('runs after 30 s although changes never end', async () => {
    const { clock, log, reloader } = started()
    for (let i = 0; i < 35; i += 1) {
      reloader.request()
      await clock.advance(SECOND_MS)
    }
    expect(log).toEqual(['30 reload', '30 done'])
  })

  it('does not run without a change', async () => {
    const { clock, log } = started()
    await clock.advance(3600 * SECOND_MS)
    expect(log).toEqual([])
  })

  it('runs again for a later change', async () => {
    const { clock, log, reloader } = started()
    reloader.request()
    await clock.advance(10 * SECOND_MS)
    reloader.request()
    await clock.advance(10 * SECOND_MS)
    expect(log).toEqual(['2 reload', '2 done', '12 reload', '12 done'])
  })

  it('runs again for a change during a run, and never twice at once', async () => {
    const ends: ((result: CommandResult) => void)[] = []
    const { clock, log, reloader } = started([], () => new Promise((resolve) => ends.push(resolve)))
    reloader.request()
    await clock.advance(3 * SECOND_MS)
    reloader.request()
    await clock.advance(10 * SECOND_MS)
    expect(log).toEqual(['2 reload'])
    ends.shift()?.({ kind: 'done' })
    await clock.advance(SECOND_MS)
    expect(log).toEqual(['2 reload', '13 done', '13 reload'])
  })

  it('is tried again with back-off while it fails', async () => {
    const { clock, log, reloader } = started([failure, failure])
    reloader.request()
    await clock.advance(60 * SECOND_MS)
    expect(log).toEqual([
      '2 reload',
      '2 exit status 1: no such file, again in 5000',
      '7 reload',
      '7 exit status 1: no such file, again in 10000',
      '17 reload',
      '17 done',
    ])
  })

  it('succeeds once in ten seconds however often things change', async () => {
    const { clock, log, reloader } = started()
    for (let i = 0; i < 12; i += 1) {
      reloader.request()
      await clock.advance(3 * SECOND_MS)
    }
    const runs = log.filter((line) => line.endsWith('reload'))
    expect(runs).toEqual(['2 reload', '12 reload', '23 reload', '33 reload'])
  })

  it('tells which requests each run was for', async () => {
    const told: string[] = []
    const { clock, reloader } = started([failure], undefined, {
      finished: ({ kind }, covered) => told.push(`${kind} ${covered}`),
    })
    expect([reloader.request(), reloader.request()]).toEqual([1, 2])
    await clock.advance(3 * SECOND_MS)
    expect(reloader.request()).toBe(3)
    await clock.advance(60 * SECOND_MS)
    expect(told).toEqual(['failed 2', 'done 3'])
  })

  it('runs after its test, and not where that fails', async () => {
    const { clock, log, reloader } = started([failure], undefined, { test: 'test' })
    reloader.request()
    await clock.advance(60 * SECOND_MS)
    expect(log).toEqual([
      '2 test',
      '2 exit status 1: no such file, again in 5000',
      '7 test',
      '7 reload',
      '7 done',
    ])
  })

  it('is tried every five minutes at last', async () => {
    const { clock, log, reloader } = started(Array.from({ length: 20 }, () => failure))
    reloader.request()
    await clock.advance(3600 * SECOND_MS)
    expect(log.at(-1)).toContain('again in 300000')
  })
})

describe('on shutdown', () => {
  it('a pending reload runs at once', async () => {
    const { log, reloader } = started()
    reloader.request()
    await reloader[Symbol.asyncDispose]()
    expect(log).toEqual(['0 reload', '0 done'])
  })

  it('a failing one is tried a last time', async () => {
    const { clock, log, reloader } = started([failure, failure])
    reloader.request()
    await clock.advance(4 * SECOND_MS)
    await reloader[Symbol.asyncDispose]()
    expect(log.slice(2)).toEqual(['4 reload', '4 exit status 1: no such file, again in undefined'])
  })

  it('nothing runs where nothing changed', async () => {
    const { log, reloader } = started()
    await turn()
    await reloader[Symbol.asyncDispose]()
    expect(log).toEqual([])
  })
})

it('a real command runs by /bin/sh', async () => {
  const reloaded = Promise.withResolvers<string>()
  await using reloader = startReloader({
    command: 'true && exit 0',
    debounce: durationMs(0),
    clock: new ManualClock(),
    events: {
      reloaded: ({ command }) => reloaded.resolve(command),
      reloadFailed: ({ problem }) => reloaded.reject(new Error(problem)),
    },
  })
  reloader.request()
  expect(await reloaded.promise).toBe('true && exit 0')
})
