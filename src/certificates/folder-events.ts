import { type FSWatcher, watch } from 'node:fs'
import { fileNameKind } from './file-name.ts'

/**
 * Tells when something changes in folders, as a hint to look: the kernel may drop events, network file systems send none, so a
 * periodic look must stand behind it. Never throws.
 */
export class FolderEvents implements Disposable {
  readonly #watchers = new Map<string, FSWatcher>()
  #pending = false
  #wake: (() => void) | undefined

  /** Watches these folders and no others. */
  follow(folders: ReadonlySet<string>): void {
    for (const [folder, watcher] of this.#watchers) {
      if (!folders.has(folder)) this.#close(folder, watcher)
    }
    for (const folder of folders) {
      if (this.#watchers.has(folder) || this.#watchers.size >= MAX_WATCHERS) continue
      try {
        const watcher = watch(folder, { persistent: false }, (_, name) => this.#notice(name))
        watcher.on('error', () => this.#close(folder, watcher))
        this.#watchers.set(folder, watcher)
        // What came after the look that found the folder and before this moment gave no event.
        this.#notice(null)
      } catch {
        // Not there, not allowed, or out of watches: the periodic look does it alone.
      }
    }
  }

  /** Forgets the changes so far: whoever calls is about to look. */
  clear(): void {
    this.#pending = false
  }

  /** Resolves when there was a change since the last {@link clear}. One caller at a time. */
  next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#pending) resolve()
    this.#wake = resolve
    return promise
  }

  [Symbol.dispose](): void {
    for (const [folder, watcher] of this.#watchers) this.#close(folder, watcher)
  }

  #notice(name: string | null): void {
    // Staples written beside certificates are our own doing. Kubernetes swaps `..data` to renew a mounted secret.
    if (name !== null && fileNameKind(name) === 'foreign' && !name.startsWith('..')) return
    this.#pending = true
    this.#wake?.()
  }

  #close(folder: string, watcher: FSWatcher): void {
    watcher.close()
    this.#watchers.delete(folder)
  }
}

/** Of the 8,192 inotify watches that Linux gives one user by default on small machines. */
const MAX_WATCHERS = 2_000
