import { type DurationMs, durationMs, SECOND_MS } from '../../der/time.ts'
import type { Clock } from '../../time/clock.ts'
import { formatDuration } from '../../time/duration.ts'
import type { Clients } from './clients.ts'
import type { ServiceLog } from './service-log.ts'
import type { Stage } from './stage.ts'
import type { Story } from './story.ts'
import type { Acts } from './timetable.ts'

/** What the acts are played with. */
export interface Players {
  readonly stage: Stage
  readonly story: Story
  readonly log: ServiceLog
  readonly clients: Clients
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** All is well, the CA is away, the CA is back; each act is left out when the signal has come. */
export async function playActs(players: Players, acts: Acts): Promise<void> {
  for (const act of [playWell, playAway, playBack]) {
    if (players.signal.aborted) return
    await act(players, acts)
  }
}

/** Goes on for what is left of the time, which may be forever. */
export async function playOn(players: Players, left: DurationMs): Promise<void> {
  const { story, log, clients, clock, signal } = players
  if (signal.aborted || left < SECOND_MS) return
  const how = Number.isFinite(left) ? `for another ${seconds(left)}` : 'until Ctrl-C'
  story.step(`That was all there is to see; it goes on ${how}`)
  clients.act = 'then'
  log.want({})
  const end = clock.monotonic() + left
  while (!signal.aborted && clock.monotonic() < end) {
    const wait = Math.min(REPORT_EVERY, end - clock.monotonic())
    await clock.sleep(durationMs(wait), signal)
    tellScore(players)
  }
}

async function playWell(players: Players, { well }: Acts): Promise<void> {
  const { story, log } = players
  story.step(
    'Clients shake hands with every server and every certificate, five times a second',
    'A handshake counts as stapled if it brings a staple that every client accepts.',
  )
  const stored = log.count('stapleStored')
  const reloaded = log.count('reloaded')
  log.want({ stapleStored: 1 })
  await play(players, 'all is well', well)
  const fetched = log.count('stapleStored') - stored
  if (fetched === 0 || players.signal.aborted) return
  const reloads = log.count('reloaded') - reloaded
  const reload = reloads > 0 ? ', and nginx was reloaded for them' : ''
  story.line(`Meanwhile everstaple fetched ${count(fetched, 'newer staple')}${reload}.`)
}

async function playAway(players: Players, { away }: Acts): Promise<void> {
  const { stage, story, log, clients } = players
  await stage.closeResponder()
  story.step(
    'The CA has an outage: its responder is gone',
    `No new staples can be had, but those in hand are usable for at least ${seconds(clients.usableFor)}: everstaple renews`,
    'at a quarter of their life, not at its end. With a real CA, whose staples last days, these are days as well.',
  )
  const failed = log.count('fetchFailed')
  log.want({ fetchFailed: 1 })
  await play(players, CA_AWAY, away, () => log.count('fetchFailed') > failed)
}

async function playBack(players: Players, { back }: Acts): Promise<void> {
  const { stage, story, log } = players
  const stored = new Map(
    stage.stapled.map(({ name }) => [name, log.count('stapleStored', name)] as const),
  )
  log.want({ stapleStored: stage.stapled.length })
  await stage.reopenResponder()
  story.step(
    'The CA is back',
    'everstaple tries again by itself: the less time a staple has left, the sooner.',
  )
  const caughtUp = () =>
    [...stored].every(([name, before]) => log.count('stapleStored', name) > before)
  await play(players, 'CA back', back, caughtUp)
  if (!caughtUp()) return
  story.line(
    'Every staple is fresh again, and the servers are taking them up. Nobody had to do anything.',
  )
}

/** Lets an act last, and longer where something is not seen yet. */
async function play(
  { story, log, clients, clock, signal }: Players,
  act: string,
  lasting: DurationMs,
  isSeen: () => boolean = () => true,
): Promise<void> {
  clients.act = act
  const part = durationMs(lasting / REPORTS)
  for (let report = 1; report <= REPORTS; report += 1) {
    await clock.sleep(part, signal)
    if (report === REPORTS) await log.until(isSeen, { clock, within: PATIENCE, signal })
    if (signal.aborted) return
    tellScore({ story, clients })
  }
}

function tellScore({ story, clients }: Pick<Players, 'story' | 'clients'>): void {
  const text = `stapled: ${clients.score}; good for another ${seconds(clients.usableFor)}`
  if (clients.isFlawless) story.good(text)
  else story.bad(text)
}

function seconds(duration: DurationMs): string {
  return formatDuration(durationMs(Math.floor(duration / SECOND_MS) * SECOND_MS))
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** The act that everything is about. */
export const CA_AWAY = 'CA away'

const REPORTS = 3
const REPORT_EVERY = 10 * SECOND_MS
/** A slow machine may need longer for something that belongs to an act. */
const PATIENCE: DurationMs = durationMs(8 * SECOND_MS)
