/** Whole numbers in the order of their keys, smallest first; of two with the same key, the smaller number. */
export class Heap {
  readonly #keys: Float64Array
  readonly #entries: number[] = []

  /** The key of an entry is `keys[entry]`, and must not change while the entry is in here. */
  constructor(keys: Float64Array) {
    this.#keys = keys
  }

  get size(): number {
    return this.#entries.length
  }

  get first(): number | undefined {
    return this.#entries[0]
  }

  add(entry: number): void {
    const entries = this.#entries
    let at = entries.length
    entries.push(entry)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = entries[parent] ?? entry
      if (this.#isBefore(above, entry)) break
      entries[at] = above
      at = parent
    }
    entries[at] = entry
  }

  take(): number | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (last === undefined || entries.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= entries.length) break
      const [left, right] = [entries[child] ?? 0, entries[child + 1]]
      if (right !== undefined && this.#isBefore(right, left)) child++
      const below = entries[child] ?? last
      if (this.#isBefore(last, below)) break
      entries[at] = below
      at = child
    }
    entries[at] = last
    return first
  }

  #isBefore(a: number, b: number): boolean {
    const [x, y] = [this.#keys[a] ?? 0, this.#keys[b] ?? 0]
    return x < y || (x === y && a < b)
  }
}
