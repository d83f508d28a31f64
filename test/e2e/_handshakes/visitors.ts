import { setTimeout as wait } from 'node:timers/promises'
import { type Handshake, shakeHands } from '../../../src/lab/handshake.ts'
import { type JudgedHandshake, judgeHandshake } from '../../../src/lab/judged-handshake.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { ServerTally } from './tally.ts'
import { SERVER_NAME, type ServerPort, type World } from './world.ts'

/** How clients go about it. */
export interface Visits {
  /** Connections with each server at a time, each with a session of its own. */
  readonly connections: number
  /** Between the handshakes of a connection. */
  readonly pauseMs: number
  /** Asked before each handshake. */
  readonly goesOn: (tallies: readonly ServerTally[]) => boolean
}

/** Shakes hands with every server for as long as wanted, and judges each handshake as a strict client does at that moment. */
export async function visit(world: World, visits: Visits): Promise<readonly ServerTally[]> {
  const judge = judgeOf(world)
  const tallies = world.servers.map(({ name }) => new ServerTally(name))
  const stream = async ({ port }: ServerPort, tally: ServerTally) => {
    while (visits.goesOn(tallies)) {
      const handshake = await shakeHands({ port, servername: SERVER_NAME, ca: world.root.pem })
      tally.add(handshake, judge(handshake))
      if (visits.pauseMs > 0) await wait(visits.pauseMs)
    }
  }
  const streams = world.servers.flatMap((server, at) => {
    const tally = tallies[at]
    if (tally === undefined) return []
    return Array.from({ length: visits.connections }, () => stream(server, tally))
  })
  await Promise.all(streams)
  return tallies
}

/** The same bytes are judged once a second: what clients look at changes with the second only. */
function judgeOf({ leaf, issuer }: World): (handshake: Handshake) => JudgedHandshake {
  const verdicts = new Map<string, JudgedHandshake>()
  let second = 0
  return (handshake) => {
    const now = systemClock.now()
    const parties = { certificate: leaf.certificate, issuer: issuer.certificate, now }
    if (handshake.kind !== 'stapled') return judgeHandshake(handshake, parties)
    if (Math.floor(now / 1_000) !== second) verdicts.clear()
    second = Math.floor(now / 1_000)
    const key = Buffer.from(handshake.response).toString('latin1')
    const verdict = verdicts.get(key) ?? judgeHandshake(handshake, parties)
    verdicts.set(key, verdict)
    return verdict
  }
}
