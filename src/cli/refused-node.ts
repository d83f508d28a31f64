import { UsageError } from './terminal.ts'

/** Why this version of Node.js will not do, such as `20.20.2`; `undefined` where it does. Older ones have no `node:sqlite`, or another one. */
export function refusedNode(version: string): UsageError | undefined {
  if (Number.parseInt(version, 10) >= LEAST) return undefined
  return new UsageError(
    `this is Node.js ${version}; everstaple needs ${LEAST} or later`,
    '`node --version` says which one is first in PATH',
  )
}

/** As `engines` in package.json. */
const LEAST = 24
