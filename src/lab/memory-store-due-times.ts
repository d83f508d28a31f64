import type { EpochMs } from '../der/time.ts'
import { Heap } from './memory-store-heap.ts'

/** What decides when a certificate is given out. Never changed: a new one takes its place. */
export interface Due {
  /** Of the certificate. */
  readonly id: string
  readonly responder: string
  readonly dueAt: EpochMs
  /** 0: must-staple without a staple, 1: without a staple, 2: with one. */
  readonly urgency: number
  /** 0 where there is no staple. */
  readonly usableUntil: number
  /** Ascending in the order in which certificates were added. */
  readonly order: number
}

/**
 * The due times of many certificates. What was replaced stays in the heaps until it comes to the top, where it is dropped.
 *
 * - waiting: not yet due when last looked at, by due time.
 * - ready: was due once, by urgency, for each responder; waits again where the clock has gone back.
 */
export class DueTimes {
  readonly #current = new Map<string, Due>()
  readonly #all = new Heap<Due>((a, b) => a.dueAt - b.dueAt)
  readonly #waiting = new Heap<Due>((a, b) => a.dueAt - b.dueAt)
  readonly #ready = new Map<string, Heap<Due>>()

  /** Adds a due time, in place of the one with the same id. */
  set(due: Due): void {
    this.#current.set(due.id, due)
    this.#all.push(due)
    this.#waiting.push(due)
    this.#dropReplaced(this.#all)
    this.#dropReplaced(this.#waiting)
  }

  delete(id: string): void {
    this.#current.delete(id)
  }

  next(): EpochMs | undefined {
    return this.#dropReplaced(this.#all)?.dueAt
  }

  /** The responders of what is due at `now`, the most urgent first, then by name. */
  responders(now: EpochMs): string[] {
    this.#makeReady(now)
    return [...this.#ready.keys()]
      .map((responder) => this.#mostUrgent(responder, now))
      .filter((due) => due !== undefined)
      .sort((a, b) => byUrgency(a, b) || (a.responder < b.responder ? -1 : 1))
      .map(({ responder }) => responder)
  }

  /** The ids of up to `limit` certificates of a responder that are due at `now`, the most urgent first. Each is to be set anew, or is gone. */
  take(responder: string, now: EpochMs, limit: number): string[] {
    this.#makeReady(now)
    const taken: string[] = []
    while (taken.length < limit) {
      const due = this.#mostUrgent(responder, now)
      if (due === undefined) break
      taken.push(due.id)
      this.#current.delete(due.id)
    }
    return taken
  }

  #makeReady(now: EpochMs): void {
    for (
      let due = this.#dropReplaced(this.#waiting);
      due !== undefined && due.dueAt <= now;
      due = this.#dropReplaced(this.#waiting)
    ) {
      this.#waiting.pop()
      const ready = this.#ready.get(due.responder) ?? new Heap(byUrgencyAndOrder)
      ready.push(due)
      this.#ready.set(due.responder, ready)
    }
  }

  #mostUrgent(responder: string, now: EpochMs): Due | undefined {
    const ready = this.#ready.get(responder)
    if (ready === undefined) return undefined
    for (let due = this.#dropReplaced(ready); due !== undefined; due = this.#dropReplaced(ready)) {
      if (due.dueAt <= now) return due
      ready.pop()
      this.#waiting.push(due)
    }
    this.#ready.delete(responder)
    return undefined
  }

  /** The first of a heap that has not been replaced. */
  #dropReplaced(heap: Heap<Due>): Due | undefined {
    let first = heap.peek()
    while (first !== undefined && this.#current.get(first.id) !== first) {
      heap.pop()
      first = heap.peek()
    }
    return first
  }
}

function byUrgency(a: Due, b: Due): number {
  return a.urgency - b.urgency || a.usableUntil - b.usableUntil || a.dueAt - b.dueAt
}

function byUrgencyAndOrder(a: Due, b: Due): number {
  return byUrgency(a, b) || a.order - b.order
}
