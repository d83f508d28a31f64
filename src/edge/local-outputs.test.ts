import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DAY_MS, durationMs, HOUR_MS, plus, SECOND_MS } from '../der/time.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { buildResponse } from '../lab/response-builder.ts'
import { defaultPolicy } from '../ocsp/policy.ts'
import type { Staple } from '../ocsp/verdict.ts'
import type { OutputState } from '../store/store.ts'
import { ManualClock } from './_manual-clock.ts'
import { type CurrentStaple, LocalOutputs } from './local-outputs.ts'
import type { OutputSettings } from './server-output.ts'

const clock = new ManualClock()
const pki = makeHierarchy({ now: clock.now(), caKey: 'prime256v1' })

let folder: string
let kept: readonly OutputState[]
let log: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'everstaple-'))
  kept = []
  log = []
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function stapleFrom(before: number): Staple {
  const thisUpdate = plus(clock.now(), -before)
  const nextUpdate = plus(thisUpdate, DAY_MS)
  const certID = { certificate: pki.leaf.certificate, issuer: pki.issuer.certificate }
  const der = buildResponse({ responses: [{ certID, thisUpdate, nextUpdate }], signer: pki.issuer })
  const times = { producedAt: thisUpdate, thisUpdate, nextUpdate, usableUntil: nextUpdate }
  return { der, received: der, status: 'good', ...times }
}

const { fingerprint: id } = pki.leaf.certificate
function certificate() {
  const { der } = pki.leaf
  const notAfter = plus(clock.now(), 30 * DAY_MS)
  return { id, der, name: 'a.example', sources: [join(folder, 'a.pem')], notAfter }
}

const usual = stapleFrom(HOUR_MS)

/** Outputs of which one certificate is all; `now` is what it has. */
class World implements AsyncDisposable {
  now: Partial<CurrentStaple> | undefined = { staple: usual }
  readonly outputs: LocalOutputs

  constructor(settings: Partial<OutputSettings> = {}) {
    this.outputs = new LocalOutputs({
      outputs: [{ file: '{source}.ocsp', debounce: durationMs(0), ...settings }],
      source: {
        current: async () =>
          this.now && {
            ...{ certificate: certificate(), staple: undefined, wants: 'staple' },
            ...{ found: 'goes', changesAt: undefined, states: kept },
            ...this.now,
          },
        keep: async (_, states) => {
          kept = states
        },
      },
      policy: defaultPolicy,
      clock,
      events: silent(),
    })
  }

  update(): Promise<void> {
    return this.outputs.update(certificate())
  }

  async settled(): Promise<readonly string[]> {
    await this.update()
    return (await this.outputs.settled(id)).map(describeState)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.outputs[Symbol.asyncDispose]()
  }
}

function describeState({ state, problem }: OutputState): string {
  return problem === undefined ? state : `${state}: ${problem.replaceAll(folder, '')}`
}

function silent(): ConstructorParameters<typeof LocalOutputs>[0]['events'] {
  const note = (name: string) => () => void log.push(name)
  return {
    fileWritten: note('written'),
    fileRemoved: note('removed'),
    filePrepared: note('prepared'),
    fileFailed: note('failed'),
    filesCollide: note('collide'),
    stapleWithheld: note('withheld'),
    socketTold: note('told'),
    socketFailed: note('not told'),
    haproxyRestarted: note('restarted'),
    reloaded: note('reloaded'),
    reloadFailed: note('reload failed'),
    storeFailed: note('store failed'),
  }
}

const file = () => join(folder, 'a.pem.ocsp')

describe('outputs, settled,', () => {
  it('are live once the file is there, where no server is to be told', async () => {
    await using world = new World()
    expect(await world.settled()).toEqual(['live'])
    expect(kept).toMatchObject([{ output: '{source}.ocsp', place: file(), since: clock.now() }])
  })

  it('are live once the reload command has run', async () => {
    await using world = new World({ reload: `test -s ${file()} && touch ${folder}/reloaded` })
    expect(await world.settled()).toEqual(['live'])
    expect(existsSync(join(folder, 'reloaded'))).toBe(true)
  })

  it('have failed while it fails, in its words, and are live when it works again', async () => {
    await using world = new World({ reload: `echo no; test -e ${folder}/fine` })
    const failed = ['failed: "echo no; test -e /fine" exit status 1: no']
    expect(await world.settled()).toEqual(failed)
    expect(await world.settled()).toEqual(failed)
    writeFileSync(join(folder, 'fine'), '')
    await world[Symbol.asyncDispose]()
    expect(kept.map(describeState)).toEqual(['live'])
  })

  it('run the test first, and no reload where it fails', async () => {
    const settings = { test: 'echo bad >&2; exit 3', reload: `touch ${folder}/reloaded` }
    await using world = new World(settings)
    expect(await world.settled()).toEqual(['failed: "echo bad >&2; exit 3" exit status 3: bad'])
    expect(existsSync(join(folder, 'reloaded'))).toBe(false)
  })

  it('have nothing to do with certificates that stand elsewhere', async () => {
    await using world = new World({ certificates: [join(folder, 'others')] })
    expect(await world.settled()).toEqual([])
    expect(existsSync(file())).toBe(false)
    await using own = new World({ certificates: [join(folder, 'others'), folder] })
    expect(await own.settled()).toEqual(['live'])
  })

  it('know when the next staple ends, for a sweep at that moment', async () => {
    await using world = new World()
    await world.settled()
    expect(world.outputs.nextEnd(clock.now())).toBe(usual.usableUntil)
    expect(world.outputs.nextEnd(usual.usableUntil)).toBeUndefined()
    world.now = { staple: undefined }
    await world.settled()
    expect(world.outputs.nextEnd(clock.now())).toBeUndefined()
  })

  it('know nothing of a certificate that is not managed', async () => {
    await using world = new World()
    world.now = undefined
    expect(await world.settled()).toEqual([])
  })

  it('say of a server that reads files at a reload only that no command is given', async () => {
    await using world = new World({ server: 'nginx' })
    expect(await world.settled()).toEqual([
      'live: nginx reads it when it is reloaded, and no reload command is given',
    ])
  })
})

describe('after a restart', () => {
  const settings = () => ({ reload: `echo >> ${folder}/reloads` })
  const reloads = () => {
    return existsSync(`${folder}/reloads`) ? readFileSync(`${folder}/reloads`).length : 0
  }

  it('nothing is told to a server that knows, and its state is as old as before', async () => {
    {
      await using world = new World(settings())
      await world.settled()
    }
    const [before] = kept
    await clock.advance(SECOND_MS)
    await using world = new World(settings())
    expect(await world.settled()).toEqual(['live'])
    expect([kept[0]?.since, reloads()]).toEqual([before?.since, 1])
  })

  it('a server is told what was written right before the crash', async () => {
    {
      await using world = new World()
      await world.settled()
    }
    kept = kept.map((state) => ({ ...state, stapleSha256: 'of the one before' }))
    await using world = new World(settings())
    expect(await world.settled()).toEqual(['live'])
    expect(reloads()).toBe(1)
  })
})

describe('a staple that is withdrawn', () => {
  it('is withdrawn once the server was told', async () => {
    await using world = new World({ reload: `test -e ${file()} || touch ${folder}/told` })
    await world.settled()
    world.now = { staple: undefined }
    expect(await world.settled()).toEqual(['withdrawn: there is no usable staple'])
    expect([existsSync(file()), existsSync(`${folder}/told`)]).toEqual([false, true])
  })

  it('leaves a response that says tryLater to nginx, which needs a file', async () => {
    await using world = new World({ server: 'nginx', reload: 'true' })
    await world.settled()
    world.now = { staple: undefined }
    expect(await world.settled()).toEqual(['withdrawn: there is no usable staple'])
    expect([...readFileSync(file())]).toEqual([0x30, 3, 10, 1, 3])
  })
})

describe('a certificate', () => {
  it('has a file made for the start of HAProxy before its first staple, without a reload', async () => {
    await using world = new World({ server: 'haproxy', reload: `touch ${folder}/reloaded` })
    world.now = { staple: undefined }
    expect(await world.settled()).toEqual(['withdrawn: there is no usable staple'])
    expect(readFileSync(file())).toHaveLength(0)
    expect(existsSync(join(folder, 'reloaded'))).toBe(false)
    expect(log).toEqual(['prepared'])
  })

  it('that can have no staple has neither file nor state', async () => {
    await using world = new World({ server: 'haproxy' })
    await world.settled()
    world.now = { wants: 'nothing' }
    expect(await world.settled()).toEqual([])
    expect([kept, existsSync(file())]).toEqual([[], false])
  })

  it('that moved has its state at the new path only', async () => {
    await using world = new World()
    await world.settled()
    const sources = [join(folder, 'b.pem')]
    world.now = { staple: usual, certificate: { ...certificate(), sources } }
    expect(await world.settled()).toEqual(['live'])
    expect(kept.map(({ place }) => place)).toEqual([join(folder, 'b.pem.ocsp')])
  })

  it('that moved before the server could be told has its state at the new path only', async () => {
    await using world = new World({ reload: `test -e ${folder}/fine` })
    await world.settled()
    const sources = [join(folder, 'b.pem')]
    world.now = { staple: usual, certificate: { ...certificate(), sources } }
    await world.update()
    writeFileSync(join(folder, 'fine'), '')
    await world[Symbol.asyncDispose]()
    const states = kept.map((state) => `${state.place} ${state.state}`)
    expect(states).toEqual([`${join(folder, 'b.pem.ocsp')} live`])
  })
})

it('a staple that ends is seen by a sweep, in file and state', async () => {
  await using world = new World()
  world.now = { staple: { ...usual, usableUntil: plus(clock.now(), SECOND_MS) } }
  await world.settled()
  await clock.advance(SECOND_MS)
  await world.outputs.sweep()
  expect(existsSync(file())).toBe(false)
  expect(kept.map(describeState)[0]).toMatch(/^withdrawn: the staple was usable until 20/)
})

it('an update by a store that fails is made again by a sweep', async () => {
  await using world = new World()
  const current = world.now
  world.now = {
    get staple(): Staple {
      throw new Error('disk')
    },
  }
  await world.update()
  world.now = current
  await world.outputs.sweep()
  expect(log).toEqual(['store failed', 'written'])
})
