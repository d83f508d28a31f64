/**
 * What is to be done when: a queue by time for a million entries, as a calendar with a page for each minute, of which only the current one is kept in
 * order. Of two entries at the same time, the one with the smaller number is first.
 */
export class Agenda {
  readonly #page: number
  readonly #heads: Int32Array
  readonly #next: Int32Array
  readonly #times: Float64Array
  /** The entries of the current page as a binary heap. */
  readonly #heap: number[] = []
  #current = -1

  constructor(options: { readonly entries: number; readonly length: number }) {
    this.#page = Math.max(1, options.length / PAGES)
    this.#heads = new Int32Array(PAGES + 1).fill(-1)
    this.#next = new Int32Array(options.entries)
    this.#times = new Float64Array(options.entries)
  }

  /** Puts down an entry that is not in the agenda. What lies before the last entry that was taken is done at once; what lies after the end, never. */
  add(entry: number, time: number): void {
    this.#times[entry] = time
    const page = Math.floor(time / this.#page)
    if (page >= PAGES) return
    if (page <= this.#current) this.#push(entry)
    else {
      this.#next[entry] = this.#heads[page] ?? -1
      this.#heads[page] = entry
    }
  }

  /** The time of the next entry; infinite where there is none. */
  get nextTime(): number {
    const entry = this.#top()
    return entry === undefined ? Number.POSITIVE_INFINITY : (this.#times[entry] ?? 0)
  }

  /** Takes the next entry out. */
  take(): number | undefined {
    const entry = this.#top()
    if (entry !== undefined) this.#pop()
    return entry
  }

  #top(): number | undefined {
    while (this.#heap.length === 0 && this.#current < PAGES) {
      this.#current++
      for (let e = this.#heads[this.#current] ?? -1; e !== -1; e = this.#next[e] ?? -1) {
        this.#push(e)
      }
    }
    return this.#heap[0]
  }

  #push(entry: number): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] ?? entry
      if (this.#isBefore(above, entry)) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#isBefore(heap[child + 1] ?? 0, heap[child] ?? 0)) child++
      const below = heap[child] ?? last
      if (this.#isBefore(last, below)) break
      heap[at] = below
      at = child
    }
    heap[at] = last
  }

  #isBefore(a: number, b: number): boolean {
    const [x, y] = [this.#times[a] ?? 0, this.#times[b] ?? 0]
    return x < y || (x === y && a < b)
  }
}

/** Over 90 days, a page is one minute. */
const PAGES = 129_600
