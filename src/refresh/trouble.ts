import { type FetchFailure, isNotKnownYet, responderState } from '../responders/fetch-failure.ts'
import type { Sign } from '../responders/health.ts'
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

/** What a failure says to the health of its responder. */
export function signKindOf(failure: FetchFailure): Sign['kind'] {
  return signs[responderState(failure)]
}

const signs = { away: 'trouble', busy: 'busy', well: 'answered' } as const
