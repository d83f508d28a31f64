import { type DurationMs, durationMs, SECOND_MS } from '../../der/time.ts'
import type { Clock } from '../../time/clock.ts'
import { formatDuration } from '../../time/duration.ts'
import type { Clients } from './clients.ts'
import type { Servers } from './servers.ts'
import type { ServiceLog } from './service-log.ts'
import { shareRows } from './shares.ts'
import type { Stage } from './stage.ts'
import type { Story } from './story.ts'
import type { Acts } from './timetable.ts'

/** What the acts are played with. */
export interface Players {
  readonly stage: Stage
  readonly story: Story
  readonly log: ServiceLog
  readonly servers: Servers
  readonly clients: Clients
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** All is well, the CA is shaky, it is away, it is back; each act is left out when the signal has come. */
export async function playActs(players: Players, acts: Acts): Promise<void> {
  for (const act of [playWell, playShaky, playAway, playBack]) {
    if (players.signal.aborted) return
    await act(players, acts)
  }
}

/** Goes on for what is left of the time, which may be forever. */
export async function playOn(players: Players, left: DurationMs): Promise<void> {
  const { stage, story, log, clients, clock, signal } = players
  if (signal.aborted || left < SECOND_MS) return
  // Servers that ask again after minutes only would else be left with what has ended, which with a real CA they are not.
  stage.setHealth('lasting')
  const how = Number.isFinite(left) ? `for another ${seconds(left)}` : 'until Ctrl-C'
  story.step(
    `That was all there is to see; it goes on ${how}`,
    'What the CA signs from now on can be used for days.',
  )
  clients.act = 'then'
  log.want({})
  const end = clock.monotonic() + left
  while (!signal.aborted && clock.monotonic() < end) {
    const until = Math.min(REPORT_EVERY, end - clock.monotonic())
    await showShares(players, (elapsed) => elapsed >= until)
  }
}

async function playWell(players: Players, { well }: Acts): Promise<void> {
  const { story, log } = players
  story.step(
    'Clients shake hands with every server and every certificate, five times a second',
    'A handshake counts as stapled if it brings a staple that every client accepts.',
  )
  log.want({ stapleStored: 1 })
  await play(players, 'all is well', well)
}

async function playShaky(players: Players, { shaky }: Acts): Promise<void> {
  const { stage, story, log, servers, clients } = players
  stage.setHealth('one-in-six-fails')
  story.step(
    'The CA fails one request in six, and all servers are restarted, as for an upgrade',
    'everstaple asks again at once where an answer is no good, and its staples are on disk. nginx left to itself begins',
    'with nothing, asks when a client is there already, and where that fails not again for five minutes.',
  )
  const reloaded = log.count('reloaded')
  const stored = log.count('stapleStored')
  log.want({ stapleStored: 1 })
  await clients.without(() => servers.restart())
  await play(players, 'one in six fails', shaky)
  const fetched = log.count('stapleStored') - stored
  if (fetched === 0 || players.signal.aborted) return
  const reload = log.count('reloaded') > reloaded ? ', and nginx was reloaded for them' : ''
  story.line(`Meanwhile everstaple fetched ${count(fetched, 'newer staple')}${reload}.`)
}

async function playAway(players: Players, { away }: Acts): Promise<void> {
  const { stage, story, log, servers, clients } = players
  await stage.closeResponder()
  story.step(
    'The CA has an outage: its responder is gone. All servers are restarted once more',
    `No new staples can be had, but those in hand are usable for at least ${seconds(clients.usableFor)}: everstaple renews`,
    'at a quarter of their life, not at its end. With a real CA, whose staples last days, these are days as well.',
  )
  const failed = log.count('fetchFailed')
  log.want({ fetchFailed: 1 })
  await clients.without(() => servers.restart())
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
    'nginx left to itself waits until five minutes after it last asked.',
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
  players: Players,
  act: string,
  lasting: DurationMs,
  isSeen: () => boolean = () => true,
): Promise<void> {
  const { story, clients, signal } = players
  clients.act = act
  await showShares(players, (elapsed) => {
    return elapsed >= lasting && (isSeen() || elapsed >= lasting + PATIENCE)
  })
  if (signal.aborted) return
  story.line(
    `What the servers have from everstaple can be used for another ${seconds(clients.usableFor)}.`,
  )
}

/** Shows how the servers do, for as long as wanted. */
async function showShares(
  { story, clients, clock, signal }: Players,
  isOver: (elapsed: number) => boolean,
): Promise<void> {
  const startedAt = clock.monotonic()
  const show = (kind: 'interim' | 'final') => story.table(shareRows(story.terminal, clients), kind)
  while (!signal.aborted && !isOver(clock.monotonic() - startedAt)) {
    await clock.sleep(TICK, signal)
    show('interim')
  }
  if (!signal.aborted) show('final')
}

function seconds(duration: DurationMs): string {
  return formatDuration(durationMs(Math.floor(duration / SECOND_MS) * SECOND_MS))
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

/** The act that everything is about. */
export const CA_AWAY = 'CA away'

/** How often the table is drawn anew. */
const TICK: DurationMs = durationMs(250)
const REPORT_EVERY = 10 * SECOND_MS
/** A slow machine may need longer for something that belongs to an act. */
const PATIENCE: DurationMs = durationMs(8 * SECOND_MS)
