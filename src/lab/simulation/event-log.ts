import { createHash } from 'node:crypto'
import { type EpochMs, iso } from '../../der/time.ts'

/** What happens in a simulation, line by line: the last lines are kept, and a digest of all. */
export class EventLog {
  readonly #each: ((line: string) => void) | undefined
  readonly #digest = createHash('sha256')
  readonly #ring: string[] = []
  #count = 0

  /** `each`: told of every line. */
  constructor(each?: (line: string) => void) {
    this.#each = each
  }

  add(at: EpochMs, text: string): void {
    const line = `${iso(at)} ${text}`
    this.#ring[this.#count++ % KEPT] = line
    this.#digest.update(line)
    this.#each?.(line)
  }

  /** Lines so far. */
  get count(): number {
    return this.#count
  }

  /** The last lines, oldest first. */
  get last(): readonly string[] {
    const first = this.#count % KEPT
    return [...this.#ring.slice(first), ...this.#ring.slice(0, first)]
  }

  /** Of all lines so far, in hex: the same for two runs in which the same happened. */
  digest(): string {
    return this.#digest.copy().digest('hex')
  }
}

const KEPT = 20
