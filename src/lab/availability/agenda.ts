import { Heap } from './heap.ts'

/**
 * What is to be done when: a queue by time for a million entries, as a calendar of which only the current page is kept in order. Of two
 * entries at the same time, the smaller number is first.
 */
export class Agenda {
  readonly #page: number
  /** The first entry of each page; the others follow by `#next`. */
  readonly #heads: Int32Array
  readonly #next: Int32Array
  readonly #times: Float64Array
  readonly #open: Heap
  #current = -1

  constructor({ entries, length }: { readonly entries: number; readonly length: number }) {
    this.#page = Math.max(1, length / PAGES)
    this.#heads = new Int32Array(PAGES + 1).fill(NONE)
    this.#next = new Int32Array(entries)
    this.#times = new Float64Array(entries)
    this.#open = new Heap(this.#times)
  }

  /** Puts down an entry that is not in the agenda. What is past is due at once; what lies after the end, never. */
  add(entry: number, time: number): void {
    this.#times[entry] = time
    const page = Math.floor(time / this.#page)
    if (page >= PAGES) return
    if (page <= this.#current) this.#open.add(entry)
    else {
      this.#next[entry] = this.#heads[page] ?? NONE
      this.#heads[page] = entry
    }
  }

  /** The time of the next entry; infinite where there is none. */
  get nextTime(): number {
    const entry = this.#turned().first
    return entry === undefined ? Number.POSITIVE_INFINITY : (this.#times[entry] ?? 0)
  }

  /** Takes the next entry out. */
  take(): number | undefined {
    return this.#turned().take()
  }

  /** The next page that has something. */
  #turned(): Heap {
    while (this.#open.size === 0 && this.#current < PAGES) {
      this.#current++
      for (let e = this.#heads[this.#current] ?? NONE; e !== NONE; e = this.#next[e] ?? NONE) {
        this.#open.add(e)
      }
    }
    return this.#open
  }
}

/** Over 90 days, a page is five minutes. */
const PAGES = 25_920
const NONE = -1
