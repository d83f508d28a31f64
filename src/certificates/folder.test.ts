import { mkdir, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { durationMs, epochMs } from '../der/time.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { type Clock, systemClock } from '../time/clock.ts'
import { temporaryFolder } from './_folder.ts'
import { watchCertificates } from './folder.ts'

const now = epochMs(1_795_000_000_000)
const { issuer, leaf } = makeHierarchy({ now, caKey: 'prime256v1' })
const chain = leaf.pem + issuer.pem

/** A clock whose every sleep is over at once, so that looks follow each other without a pause. */
const hurriedClock: Clock = {
  now: () => now,
  monotonic: () => durationMs(0),
  sleep: () => new Promise((resolve) => setImmediate(resolve)),
}

/** One whose long sleeps last until they are aborted: only an event of the file system ends them. */
const eventClock: Clock = {
  ...hurriedClock,
  sleep: (duration, signal) =>
    duration > 10_000 && !signal.aborted
      ? new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      : hurriedClock.sleep(duration, signal),
}

describe('watchCertificates()', () => {
  it.each([
    ['by looking again', hurriedClock],
    ['by an event', eventClock],
  ])('yields what is there, and each change that is noticed %s', async (_, clock) => {
    await using folder = await temporaryFolder()
    const done = new AbortController()
    const watch = watchCertificates({ paths: [folder.path], clock, signal: done.signal })
    const sources = async () => {
      const { value } = await watch.next()
      return value?.certificates.map((each) => each.sources)
    }
    expect(await sources()).toEqual([])
    const path = join(folder.path, 'a.pem')
    await writeFile(path, chain)
    expect(await sources()).toEqual([[path]])
    await unlink(path)
    expect(await sources()).toEqual([])
    done.abort()
    expect(await watch.next()).toEqual({ done: true, value: undefined })
  })

  it('ends at once when it is told to', async () => {
    await using folder = await temporaryFolder()
    const done = new AbortController()
    const options = { paths: [folder.path], clock: systemClock, signal: done.signal }
    const watch = watchCertificates(options)
    await watch.next()
    const end = watch.next()
    done.abort()
    expect(await end).toEqual({ done: true, value: undefined })
  })

  it.each(['a.pem', 'etc/live/www.example.org/a.pem'])(
    'waits for a path that does not exist yet: %s',
    async (name) => {
      await using folder = await temporaryFolder()
      const path = join(folder.path, name)
      const done = new AbortController()
      const watch = watchCertificates({ paths: [path], clock: eventClock, signal: done.signal })
      const missing = await watch.next()
      expect(missing.value?.problems).toEqual([
        { path, problem: 'does not exist; it is looked for again' },
      ])
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, chain)
      const there = await watch.next()
      expect(there.value).toMatchObject({ problems: [], certificates: [{ name: 'localhost' }] })
      done.abort()
    },
  )
})
