import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A data folder of its own, removed when disposed of. */
export interface TemporaryFolder extends Disposable {
  readonly folder: string
  readonly database: string
}

export function temporaryFolder(): TemporaryFolder {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-store-'))
  return {
    folder,
    database: join(folder, 'everstaple.db'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
