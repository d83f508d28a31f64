import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/config.ts'
import { createEvents } from '../events.ts'
import { systemClock } from '../time/clock.ts'
import { jsonLog, textLog } from './log.ts'
import { type Service, type ServiceWorld, startService } from './service.ts'
import { readSettings, type SettingsFlags } from './settings.ts'
import { type ExitStatus, type Terminal, UsageError } from './terminal.ts'

/** Runs the service until SIGTERM or SIGINT; SIGHUP reads the configuration again. */
export async function runCommand(flags: SettingsFlags, terminal: Terminal): Promise<ExitStatus> {
  let config = await readSettings(flags)
  if (config.certificates.length === 0) {
    throw new UsageError(
      'no certificates are given',
      'everstaple run --certificates /etc/letsencrypt/live',
    )
  }
  const log = config.log.format === 'json' ? jsonLog() : textLog(terminal, systemClock)
  const events = createEvents(log)
  const world: ServiceWorld = { clock: systemClock, random: Math.random, events }
  using signals = new Signals()
  let service = await startService(config, world)
  try {
    while (true) {
      const signal = await Promise.race([
        signals.next(),
        service.ended.then(() => 'SIGTERM' as const),
      ])
      if (signal !== 'SIGHUP') return 0
      const wanted = await readAgain(flags, world)
      if (wanted === undefined) continue
      if (!isDeepStrictEqual(wanted, config)) {
        await service[Symbol.asyncDispose]()
        service = await startOrGoBack(wanted, config, world)
        config = wanted
      }
      events.configReloaded()
    }
  } finally {
    await service[Symbol.asyncDispose]()
  }
}

async function readAgain(
  flags: SettingsFlags,
  { events }: ServiceWorld,
): Promise<Config | undefined> {
  try {
    return await readSettings(flags)
  } catch (error) {
    events.configRefused({ problems: messageOf(error) })
    return undefined
  }
}

/** With a configuration that is right and cannot be started, say with a port in use, service goes on as it was. */
async function startOrGoBack(
  wanted: Config,
  former: Config,
  world: ServiceWorld,
): Promise<Service> {
  try {
    return await startService(wanted, world)
  } catch (error) {
    world.events.configRefused({ problems: messageOf(error) })
    return startService(former, world)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

type Signal = (typeof handled)[number]
const handled = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** The signals that the process was sent, one after the other. A second SIGTERM or SIGINT while it is ending ends it at once. */
class Signals implements Disposable {
  readonly #sent: Signal[] = []
  #arrived: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  readonly #listener = (signal: NodeJS.Signals): void => {
    const known = handled.find((name) => name === signal)
    if (known === undefined) return
    this.#sent.push(known)
    this.#arrived.resolve()
    if (known !== 'SIGHUP') process.off(signal, this.#listener)
  }

  constructor() {
    for (const signal of handled) process.on(signal, this.#listener)
  }

  async next(): Promise<Signal> {
    while (true) {
      const signal = this.#sent.shift()
      if (signal !== undefined) return signal
      await this.#arrived.promise
      this.#arrived = Promise.withResolvers<void>()
    }
  }

  [Symbol.dispose](): void {
    for (const signal of handled) process.off(signal, this.#listener)
  }
}
