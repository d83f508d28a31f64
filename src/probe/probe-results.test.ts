import { describe, expect, test } from 'vitest'
import { epochMs, MINUTE_MS, plus } from '../der/time.ts'
import type { ProbeResult } from '../store/store.ts'
import { checkOf, stapled } from './_setup.ts'
import { probeResults } from './probe-results.ts'
import type { CheckedHandshake, FailedCheck } from './server-check.ts'

const at = epochMs(Date.parse(checkOf().at))
const earlier = plus(at, -MINUTE_MS)
const none: CheckedHandshake = {
  ...stapled,
  outcome: 'none-sent',
  clients: { ...stapled.clients, hardFail: { connects: false, why: 'there is no staple' } },
}
const rsa: CheckedHandshake = {
  ...stapled,
  key: 'rsa',
  certificate: { ...stapled.certificate, id: 'cd'.repeat(32) },
}
const strange: CheckedHandshake = {
  ...stapled,
  clients: { ...stapled.clients, mustStapleBrowser: { connects: false, why: 'asks for more' } },
}
const away: FailedCheck = {
  ...{ kind: 'failed', tls: '1.2', key: 'rsa' },
  ...{ reason: 'timeout', problem: 'no answer' },
}

/** Two good handshakes with a certificate a minute earlier. */
const before: ProbeResult = {
  target: 'www.test:443',
  certificate: { id: stapled.certificate.id, name: 'www.test' },
  outcome: 'stapled',
  problem: undefined,
  since: earlier,
  checkedAt: earlier,
  handshakes: 2,
  stapled: 2,
  countedSince: earlier,
}
const nobody: ProbeResult = { ...before, certificate: undefined, outcome: 'timeout', stapled: 0 }

/** As `certificate outcome since the minute, stapled/handshakes`. */
function short({ certificate, outcome, since, handshakes, stapled: good }: ProbeResult): string {
  const who = certificate?.id.slice(0, 2) ?? '-'
  return `${who} ${outcome} ${(since - at) / MINUTE_MS} ${good}/${handshakes}`
}

describe('probeResults()', () => {
  test.each<[string, readonly CheckedHandshake[], readonly ProbeResult[], readonly string[]]>([
    ['begin with the first check', [stapled, stapled], [], ['ab stapled 0 2/2']],
    ['go on where nothing has changed', [stapled, stapled], [before], ['ab stapled -1 4/4']],
    ['tell the worse of two', [stapled, none], [before], ['ab none-sent 0 3/4']],
    ['are by certificate', [stapled, rsa], [before], ['ab stapled -1 3/3', 'cd stapled 0 1/1']],
    ['lose a certificate that is no longer shown', [rsa], [before], ['cd stapled 0 1/1']],
    ['keep those of a server that is away', [away, away], [before], ['ab timeout 0 2/2']],
    ['say that nobody ever was there', [away], [nobody], ['- timeout -1 0/2']],
    [
      'have what came about and what did not',
      [stapled, away],
      [],
      ['ab stapled 0 1/1', '- timeout 0 0/0'],
    ],
    ['forget nobody when somebody is there', [stapled], [nobody], ['ab stapled 0 1/1']],
  ])('%s', (_, handshakes, known, expected) => {
    const results = probeResults(checkOf(...handshakes), { before: known, countedSince: earlier })
    expect(results.map(short)).toEqual(expected)
  })

  test.each<[CheckedHandshake, string | undefined]>([
    [stapled, undefined],
    [none, 'there is no staple'],
    [strange, 'asks for more'],
    [away, 'no answer'],
    [{ ...none, outcome: 'no-ocsp-url' }, undefined],
  ])('have a problem in words: %#', (handshake, problem) => {
    const [result] = probeResults(checkOf(handshake), { before: [], countedSince: earlier })
    expect(result).toMatchObject({ problem, checkedAt: at, countedSince: earlier })
  })
})
