import type { DurationMs } from '../../der/time.ts'
import type { Log } from '../../events.ts'
import type { Clock } from '../../time/clock.ts'

/** Listens to the log of the service: shows a few of its lines, and knows what has happened so far. */
export class ServiceLog {
  readonly #show: (line: string) => void
  readonly #wanted = new Map<string, number>()
  readonly #counts = new Map<string, number>()
  #news = Promise.withResolvers<void>()

  constructor(show: (line: string) => void) {
    this.#show = show
  }

  /** From now on shows so many lines of each of these events, by their `event` field, and of others those of level `error` only. */
  want(events: Readonly<Record<string, number>>): void {
    this.#wanted.clear()
    for (const [event, lines] of Object.entries(events)) this.#wanted.set(event, lines)
  }

  /** How often something has been logged; of one certificate, or over all. */
  count(event: string, certificate = ''): number {
    return this.#counts.get(`${event} ${certificate}`) ?? 0
  }

  /** Resolves when `isReached`, which is asked after each line; or when the time is over, or at the signal. Tells which. */
  async until(
    isReached: () => boolean,
    { clock, within, signal }: { clock: Clock; within: DurationMs; signal: AbortSignal },
  ): Promise<'reached' | 'not-reached'> {
    const over = new AbortController()
    const ending = AbortSignal.any([signal, over.signal])
    const late = clock.sleep(within, ending).then(() => over.abort())
    while (!isReached() && !ending.aborted) await Promise.race([this.#news.promise, late])
    over.abort()
    return isReached() ? 'reached' : 'not-reached'
  }

  /** Takes a line of the service. */
  readonly log: Log = (level, message, fields) => {
    const event = String(fields['event'])
    this.#add(`${event} `)
    this.#add(`${event} ${String(fields['certificate'])}`)
    const wanted = this.#wanted.get(event) ?? 0
    if (wanted > 0 || level === 'error') this.#show(brief(message))
    this.#wanted.set(event, wanted - 1)
    this.#news.resolve()
    this.#news = Promise.withResolvers<void>()
  }

  #add(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }
}

/** One line, with times of day only, as everything here happens within minutes, and without the URL, as there is one only. */
function brief(message: string): string {
  return message
    .replace(/\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)(\.\d+)?Z/g, '$1')
    .replace(/ from http:[^\s;]+/, '')
    .replace(/\s+/g, ' ')
}
