import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../config/config.ts'
import { createEvents, type Events } from '../events.ts'
import { systemClock } from '../time/clock.ts'
import { jsonLog, textLog } from './log.ts'
import type { Service, ServiceWorld } from './running-service.ts'
import { readSettings, type SettingsFlags } from './settings.ts'
import { type ExitStatus, type Terminal, UsageError } from './terminal.ts'

/** What is run until a signal ends it. */
export interface Program {
  /** Reads the configuration. */
  readonly read: () => Promise<Config>
  readonly start: (config: Config, world: ServiceWorld) => Promise<Service>
}

/** Runs a program until SIGTERM or SIGINT; SIGHUP reads its configuration again. */
export async function runProgram(program: Program, terminal: Terminal): Promise<ExitStatus> {
  using signals = new Signals()
  let running = await start(program, await program.read(), terminal)
  try {
    while (true) {
      const { service } = running
      const failed = service.ended.then(() => 'SIGTERM' as const)
      if ((await Promise.race([signals.next(), failed])) !== 'SIGHUP') return 0
      running = await reload(running, program, terminal)
    }
  } finally {
    await running.service[Symbol.asyncDispose]()
  }
}

interface Running {
  readonly config: Config
  readonly service: Service
  readonly events: Events
}

async function start(program: Program, config: Config, terminal: Terminal): Promise<Running> {
  const log = config.log.format === 'json' ? jsonLog() : textLog(terminal, systemClock)
  const events = createEvents(log)
  const world = { clock: systemClock, random: Math.random, events }
  return { config, events, service: await program.start(config, world) }
}

/** Starts anew with what the configuration says now; where that cannot be, say with a port in use, service goes on as it was. */
async function reload(running: Running, program: Program, terminal: Terminal): Promise<Running> {
  const { config, events, service } = running
  let wanted: Config
  try {
    wanted = await program.read()
  } catch (error) {
    events.configRefused({ problems: messageOf(error) })
    return running
  }
  if (isDeepStrictEqual(wanted, config)) {
    events.configReloaded()
    return running
  }
  await service[Symbol.asyncDispose]()
  try {
    const started = await start(program, wanted, terminal)
    started.events.configReloaded()
    return started
  } catch (error) {
    events.configRefused({ problems: messageOf(error) })
    return start(program, config, terminal)
  }
}

/** The settings, in which there are certificates. Throws a {@link UsageError} where there are none. */
export async function readRunSettings(
  flags: SettingsFlags,
  command: 'run' | 'agent',
): Promise<Config> {
  const config = await readSettings(flags)
  if (config.certificates.length > 0) return config
  throw new UsageError(
    'no certificates are given',
    `name files or folders: everstaple ${command} --certificates /etc/letsencrypt/live`,
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

type Signal = (typeof handled)[number]
const handled = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** The signals that the process was sent, one after the other. After a first SIGTERM or SIGINT, a second of either ends it at once. */
class Signals implements Disposable {
  readonly #sent: Signal[] = []
  #arrived: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  readonly #listener = (signal: NodeJS.Signals): void => {
    const known = handled.find((name) => name === signal)
    if (known === undefined) return
    this.#sent.push(known)
    this.#arrived.resolve()
    if (known === 'SIGHUP') return
    process.off('SIGTERM', this.#listener)
    process.off('SIGINT', this.#listener)
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
