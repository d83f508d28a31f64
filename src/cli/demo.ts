import { type DurationMs, durationMs, SECOND_MS } from '../der/time.ts'
import { createEvents } from '../events.ts'
import { shakeHands } from '../lab/handshake.ts'
import { clientNames } from '../ocsp/clients.ts'
import { systemClock } from '../time/clock.ts'
import { formatDuration, parseDuration } from '../time/duration.ts'
import { isMustStaple } from '../x509/extensions.ts'
import { type Players, playActs, playOn } from './demo/acts.ts'
import { Clients, type Target } from './demo/clients.ts'
import { configure } from './demo/configuration.ts'
import { Interruption } from './demo/interruption.ts'
import { startBareNodeServer } from './demo/node-server.ts'
import { haproxyKind, lazyNginxKind, nginxKind, nodeKind } from './demo/server-kinds.ts'
import { Servers } from './demo/servers.ts'
import { ServiceLog } from './demo/service-log.ts'
import { type Stage, setStage } from './demo/stage.ts'
import { Story } from './demo/story.ts'
import { conclude, introduce } from './demo/story-frame.ts'
import type { Tally } from './demo/tally.ts'
import { actsFor, lifeFor, SHORTEST } from './demo/timetable.ts'
import type { Service } from './running-service.ts'
import { startService } from './service.ts'
import { columns, type ExitStatus, type Terminal, UsageError } from './terminal.ts'

/** The whole way of a staple on this machine, told as it happens; until Ctrl-C, or for as long as asked. Status 1 if a handshake went without. */
export async function demoCommand(
  options: { readonly for?: string },
  terminal: Terminal,
): Promise<ExitStatus> {
  const wanted = parseFor(options.for)
  using interruption = new Interruption()
  const story = new Story(terminal)
  introduce(story)
  const tally = await perform(story, wanted, interruption.signal)
  conclude(story, tally)
  const { stapled, all } = tally.total('everstaple')
  return stapled === all ? 0 : 1
}

function parseFor(written: string | undefined): DurationMs | undefined {
  if (written === undefined) return undefined
  const duration = parseDuration(written)
  const hint = 'everstaple demo --for 20s'
  if (duration === undefined) {
    throw new UsageError(`--for is "${written}", not a length of time such as 20s or 5m`, hint)
  }
  if (duration >= SHORTEST) return duration
  const least = formatDuration(SHORTEST)
  throw new UsageError(`--for is "${written}"; the demo needs at least ${least} to show all`, hint)
}

/** Sets everything up, plays the acts and takes everything down, also when the signal comes in between. */
async function perform(
  story: Story,
  wanted: DurationMs | undefined,
  signal: AbortSignal,
): Promise<Tally> {
  const clock = systemClock
  const startedAt = clock.monotonic()
  const spent = () => durationMs(clock.monotonic() - startedAt)
  const life = lifeFor(wanted)
  await using stage = await setStage(clock.now(), life)
  const clients = new Clients({ stage, clock, missed: (problem) => story.bad(problem) })
  tellStage(story, stage, life)
  await showProblem(story, stage)

  await using servers = new Servers(stage.stapled)
  await servers.start(haproxyKind(stage))
  const { config, text } = configure(stage.folder)
  story.step('With everstaple: started as by `everstaple run`, with this configuration')
  for (const line of text.trimEnd().split('\n')) story.quote(line)
  const log = new ServiceLog((line) => story.quote(line))
  story.step(
    'everstaple finds the certificates, asks the CA about each, and judges the answers',
    `An answer that any of ${clientNames.length} kinds of clients and servers would refuse is not stored.`,
  )
  log.want({ stapleStored: stage.stapled.length })
  const world = { clock, random: Math.random, events: createEvents(log.log) }
  await using service = await startService(config, world)
  const ending = new AbortController()
  const players: Players = {
    ...{ stage, story, log, servers, clients, clock },
    signal: AbortSignal.any([signal, ending.signal]),
  }
  const files = config.outputs.length * stage.stapled.length
  const show = runShow(players, { service, files }, async () => {
    await playActs(players, actsFor(wanted, spent()))
    await playOn(players, durationMs((wanted ?? Number.POSITIVE_INFINITY) - spent()))
  })
  try {
    await Promise.race([show, service.ended])
  } finally {
    ending.abort()
    await Promise.allSettled([show])
  }
  return clients.tally
}

/** Waits for the first staples, starts the servers, and has clients visit them for as long as `play` takes. */
async function runShow(
  players: Players,
  { service, files }: { readonly service: Service; readonly files: number },
  play: () => Promise<void>,
): Promise<void> {
  const { stage, story, servers, clients, signal } = players
  await firstStaples(players, files)
  if (signal.aborted) return
  const kinds = [nginxKind(stage), nodeKind(stage, service.url), lazyNginxKind(stage)]
  for (const kind of kinds) await servers.start(kind)
  story.step(
    'Started TLS servers, HAProxy before everstaple, the others once the staples were there',
    ...columns(servers.rows),
    ...lookYourself(servers.targets),
  )
  const over = new AbortController()
  const visits = clients.run(servers.targets, AbortSignal.any([signal, over.signal]))
  try {
    await play()
  } finally {
    over.abort()
    await visits
  }
}

function lookYourself([target]: readonly Target[]): readonly string[] {
  if (target === undefined) return []
  const { port, certificate } = target
  const address = `-connect 127.0.0.1:${port} -servername ${certificate.name}`
  return ['Look yourself meanwhile:', `  openssl s_client ${address} -status </dev/null`]
}

/** nginx does not start without the files, of which so many are to be written. */
async function firstStaples(
  { stage, story, log, clock, signal }: Players,
  files: number,
): Promise<void> {
  const areThere = () =>
    stage.stapled.every(({ name }) => log.count('stapleStored', name) > 0) &&
    log.count('fileWritten') >= files
  const outcome = await log.until(areThere, { clock, within: FIRST_STAPLES, signal })
  if (outcome === 'reached') {
    const { name } = stage.bare
    story.line(`No word of ${name}: it names no OCSP URL, which is usual today and no alarm.`)
  } else if (!signal.aborted) {
    throw new Error(
      `the demo's certificates have no staples after ${formatDuration(FIRST_STAPLES)}; run it again with less else to do for this machine`,
    )
  }
}

/** Why all this is done: the same server without a staple. */
async function showProblem(story: Story, { root, stapled }: Stage): Promise<void> {
  const certificate = stapled.find(({ leaf }) => isMustStaple(leaf.certificate.extensions))
  if (certificate === undefined) return
  const { name } = certificate
  await using server = await startBareNodeServer([certificate])
  const handshake = await shakeHands({ port: server.port, servername: name, ca: root.pem })
  story.step(`Without everstaple: a Node.js server with ${name}`)
  if (handshake.kind !== 'unstapled') return
  story.bad('the handshake brings no staple; Firefox shows an error page instead of the site:')
  story.line('  MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING')
}

function tellStage(
  story: Story,
  { folder, stapled, bare, responderUrl }: Stage,
  life: DurationMs,
): void {
  story.step(
    'Made a CA and four certificates',
    ...columns([...stapled, bare].map(({ name, about }) => [name, about])),
    `They are in ${folder}, which is removed at the end.`,
    `The CA's OCSP responder is at ${responderUrl}. What it says can be used for ${formatDuration(life)} only, as the`,
    'certificate that it signs with ends then: so there is something to see. With real CAs it is days.',
  )
}

const FIRST_STAPLES: DurationMs = durationMs(20 * SECOND_MS)
