import type { DurationMs } from '../der/time.ts'
import {
  type FetchFailure,
  failureName,
  isNotKnownYet,
  responderState,
} from '../responders/fetch-failure.ts'
import type { FetchOutcome } from '../responders/fetch-staple.ts'
import type { Sign } from '../responders/health.ts'
import { looksGone } from '../responders/shut-down.ts'
import type { Trouble } from './retry.ts'

/** Whose trouble a failure is; `new` is a certificate in its first day. */
export function troubleOf(failure: FetchFailure, age: 'new' | 'aged'): Trouble {
  switch (responderState(failure)) {
    case 'away':
      return 'responder'
    case 'busy':
      return 'busy'
    case 'well':
      return age === 'new' && isNotKnownYet(failure) ? 'too-new' : 'certificate'
  }
}

/** What a fetch says to the health of its responder; nothing where none was asked. */
export function signOf(outcome: FetchOutcome): Sign | undefined {
  const requests = outcome.attempts.length
  if (requests === 0) return undefined
  if (outcome.kind === 'staple') {
    return { kind: 'answered', requests, retryAfter: undefined, url: 'there' }
  }
  const { failure } = outcome
  const url = looksGone(failureName(failure)) ? 'gone' : 'there'
  return { kind: signKindOf(failure), requests, retryAfter: retryAfterOf(failure), url }
}

/** What the responder asked for, if it did. */
export function retryAfterOf(failure: FetchFailure): DurationMs | undefined {
  return failure.kind === 'http' || failure.kind === 'responder' ? failure.retryAfter : undefined
}

/** What a failure says to the health of its responder. */
export function signKindOf(failure: FetchFailure): Sign['kind'] {
  return signs[responderState(failure)]
}

const signs = { away: 'trouble', busy: 'busy', well: 'answered' } as const
