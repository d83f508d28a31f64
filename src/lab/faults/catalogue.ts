import { contents } from './contents.ts'
import { knowledge } from './knowledge.ts'
import type { Misbehaviour } from './misbehaviour.ts'
import { overHttp } from './over-http.ts'
import { periods } from './periods.ts'
import { signers } from './signers.ts'
import { sixSickCas } from './six-sick-cas.ts'

/** Every misbehaviour of section 4 of acceptance.md and of the six sick CAs. To add one, write it in the file of its family. */
export const catalogue: readonly Misbehaviour[] = [
  ...overHttp,
  ...knowledge,
  ...periods,
  ...signers,
  ...contents,
  ...sixSickCas,
]

/** The misbehaviour of this name; throws where there is none. */
export function misbehaviour(name: string): Misbehaviour {
  const found = catalogue.find((each) => each.name === name)
  if (found === undefined) throw new Error(`no misbehaviour is called ${JSON.stringify(name)}`)
  return found
}
