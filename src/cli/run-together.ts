/** A part of the program that runs until its signal is aborted. */
export type Loop = (stop: AbortSignal) => Promise<void>

/** Runs all until `signal` is aborted. Where one fails for good, the others are ended, and it rejects with that error when they have. */
export async function runTogether(loops: readonly Loop[], signal: AbortSignal): Promise<void> {
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  const ends = loops.map((loop) => loop(stop).catch((error: unknown) => failed.abort(error)))
  await Promise.all(ends)
  failed.signal.throwIfAborted()
}
