import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { writeDurably } from '../durable-file.ts'
import type { Whereabouts } from './centre-follower.ts'

/** Keeps where an edge is in a feed in a file. Whatever is wrong with it costs no more than reading the feed from its beginning. */
export class WhereaboutsFile {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** `undefined` where there is no file that can be read. */
  async read(): Promise<Whereabouts | undefined> {
    try {
      return form.parse(JSON.parse(await readFile(this.#path, 'utf8')))
    } catch {
      return undefined
    }
  }

  /** Rejects with a `DurableFileError`. */
  async write(whereabouts: Whereabouts): Promise<void> {
    await writeDurably(this.#path, Buffer.from(`${JSON.stringify(whereabouts)}\n`), 0o600)
  }
}

const form = z.object({
  ...{ centre: z.string(), certificates: z.string(), place: z.string() },
  notManaged: z.array(z.string()),
})
