import type { Attempt } from './fetch-staple.ts'

/**
 * By which method a responder is asked first. GET, which caches can answer (RFC 9919 §6), until it was refused often in a row
 * where POST was not: switched off (boulder#798) or its path mangled on the way (PSPKI#98). Then POST, and GET now and then, as it may be mended.
 */
export class FirstMethod {
  /** Fetches in a row in which GET was refused and POST gave the staple. */
  #refused = 0
  #asked = 0

  /** For the next fetch. */
  next(): 'GET' | 'POST' {
    if (this.#refused < REFUSED_OFTEN) return 'GET'
    return ++this.#asked % GET_EVERY === 0 ? 'GET' : 'POST'
  }

  /** Takes in the attempts of a fetch. */
  learn(attempts: readonly Pick<Attempt, 'method' | 'outcome' | 'statusCode'>[]): void {
    const gets = attempts.filter(({ method }) => method === 'GET')
    if (gets.some(isGood)) this.#refused = 0
    else if (gets.some(isRefused) && attempts.some(isGood)) this.#refused++
  }
}

function isGood({ outcome }: Pick<Attempt, 'outcome'>): boolean {
  return outcome === 'staple'
}

/** Answered, be it with a page for people elsewhere, and not by a server that is busy or away. */
function isRefused({
  outcome,
  statusCode = 500,
}: Pick<Attempt, 'outcome' | 'statusCode'>): boolean {
  return outcome === 'redirect' || (statusCode < 500 && statusCode !== 429)
}

/** Of six backends one that fails gives this many in a row once in 7,776 fetches. */
const REFUSED_OFTEN = 5
const GET_EVERY = 16
