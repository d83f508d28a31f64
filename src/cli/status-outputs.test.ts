import { describe, expect, it, test } from 'vitest'
import { epochMs } from '../der/time.ts'
import { outputReport } from '../serve/api/certificate-report.ts'
import type { OutputState } from '../store/store.ts'
import { describeOutputReport, outputTrouble } from './status-outputs.ts'

function state(changes: Partial<OutputState> = {}): OutputState {
  return {
    output: '{source}.ocsp',
    place: '/s/a.pem.ocsp',
    state: 'live',
    stapleSha256: 'ab'.repeat(32),
    problem: undefined,
    since: epochMs(1_800_000_000_000),
    ...changes,
  }
}

const withheld = state({ state: 'withheld', problem: 'too large', stapleSha256: undefined })

describe('outputs in status', () => {
  test.each([
    [state(), '/s/a.pem.ocsp live since 2027-01-15T08:00:00Z'],
    [withheld, '/s/a.pem.ocsp withheld since 2027-01-15T08:00:00Z: too large'],
    [
      state({ problem: 'nginx reads it later' }),
      '/s/a.pem.ocsp live since 2027-01-15T08:00:00Z: nginx reads it later',
    ],
  ])('%o is one line', (given, line) => {
    expect(describeOutputReport(outputReport(given))).toBe(line)
  })

  it('have every field for scripts, null where there is none', () => {
    expect(outputReport(withheld)).toEqual({
      output: '{source}.ocsp',
      place: '/s/a.pem.ocsp',
      state: 'withheld',
      stapleSha256: null,
      problem: 'too large',
      since: '2027-01-15T08:00:00Z',
    })
  })

  test.each<[string, OutputState[], string | undefined]>([
    ['none', [], undefined],
    ['what is live or has nothing to do', [state(), state({ state: 'withdrawn' })], undefined],
    ['one that is withheld', [state(), withheld], '/s/a.pem.ocsp withheld: too large'],
    [
      'several',
      [state({ state: 'failed', place: '/run/h', problem: 'no answer' }), withheld],
      '/run/h failed: no answer, and 1 more',
    ],
  ])('in short, of %s', (_, states, text) => {
    expect(outputTrouble(states.map(outputReport))).toBe(text)
  })
})
