/** A binary heap: gives the first of its elements by `compare` without having sorted the others. */
export class Heap<T> {
  readonly #compare: (a: T, b: T) => number
  readonly #elements: T[] = []

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  /** The first element, left where it is. */
  peek(): T | undefined {
    return this.#elements[0]
  }

  push(element: T): void {
    let at = this.#elements.length
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = this.#elements[above]
      if (other === undefined || this.#compare(other, element) <= 0) break
      this.#elements[at] = other
      at = above
    }
    this.#elements[at] = element
  }

  /** Takes the first element out. */
  pop(): T | undefined {
    const first = this.#elements[0]
    const last = this.#elements.pop()
    if (last !== undefined && this.#elements.length > 0) this.#sink(last)
    return first
  }

  /** Puts an element in place of the first one. */
  #sink(element: T): void {
    let at = 0
    while (true) {
      const below = this.#firstBelow(at)
      const other = this.#elements[below]
      if (other === undefined || this.#compare(element, other) <= 0) break
      this.#elements[at] = other
      at = below
    }
    this.#elements[at] = element
  }

  #firstBelow(at: number): number {
    const left = this.#elements[2 * at + 1]
    const right = this.#elements[2 * at + 2]
    if (left === undefined || right === undefined) return 2 * at + 1
    return 2 * at + (this.#compare(left, right) <= 0 ? 1 : 2)
  }
}
