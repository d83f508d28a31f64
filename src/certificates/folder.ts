import { type DurationMs, durationMs, type EpochMs, SECOND_MS } from '../der/time.ts'
import type { Clock } from '../time/clock.ts'
import { FolderEvents } from './folder-events.ts'
import { CertificateScanner, type Scan } from './scanner.ts'
import type { Snapshot } from './source.ts'

/** What to watch, and how. */
export interface WatchOptions {
  /** Files and folders, which need not exist yet. */
  readonly paths: readonly string[]
  readonly clock: Clock
  /** Ends the watch. */
  readonly signal: AbortSignal
  /** Time between two looks when no event tells of a change. Default 30 s: soon enough for network file systems, which send no events. */
  readonly rescanEvery?: DurationMs
}

/** Looks at files and folders once. */
export async function scanCertificates(paths: readonly string[], now: EpochMs): Promise<Snapshot> {
  const scan = await new CertificateScanner(paths).scan(now)
  return scan.snapshot()
}

/**
 * Watches files and folders: yields what they hold at first, and again after every change, until `signal` is aborted. Never rejects.
 * What changes while the caller is busy with one snapshot comes together in the next.
 */
export async function* watchCertificates(options: WatchOptions): AsyncGenerator<Snapshot, void> {
  const { paths, clock, signal, rescanEvery = RESCAN_EVERY } = options
  const scanner = new CertificateScanner(paths)
  using events = new FolderEvents()
  while (!signal.aborted) {
    events.clear()
    const started = clock.monotonic()
    const scan = await scanner.scan(clock.now())
    const { changed, unsettled, folders } = scan
    events.follow(folders)
    const took = clock.monotonic() - started
    if (changed && !signal.aborted) yield* once(scan)
    // A million files take a while to look at: leave the disk alone for most of the time.
    await clock.sleep(durationMs(Math.max(SETTLE, took * 4)), signal)
    await firstOf(events.next(), unsettled ? CONFIRM_AFTER : rescanEvery, options)
  }
}

/** Of its own, so that it is not this generator that keeps the snapshot while it waits. */
async function* once({ snapshot }: Scan): AsyncGenerator<Snapshot, void> {
  yield snapshot()
}

/** Waits for the event or for the time to pass, whichever is first, and then until the writer has probably finished. */
async function firstOf(
  event: Promise<void>,
  limit: DurationMs,
  { clock, signal }: WatchOptions,
): Promise<void> {
  const done = new AbortController()
  const timeout = clock.sleep(limit, AbortSignal.any([signal, done.signal]))
  const happened = await Promise.race([event.then(() => 'event'), timeout.then(() => 'timeout')])
  done.abort()
  if (happened === 'event') await clock.sleep(SETTLE, signal)
}

const RESCAN_EVERY = durationMs(30 * SECOND_MS)
/** Renewal tools write key, certificate and chain within a fraction of a second; they are read together. */
const SETTLE = durationMs(SECOND_MS / 4)
/** How long a file may be away or cut short while it is rewritten. */
const CONFIRM_AFTER = durationMs(2 * SECOND_MS)
