import { DAY_MS, type DurationMs, durationMs, plus, SECOND_MS } from '../../../src/der/time.ts'
import type { LabCertificate } from '../../../src/lab/ca.ts'
import type { Fault } from '../../../src/lab/faults/fault.ts'
import { delegating } from '../../../src/lab/faults/signers.ts'
import { type Responder, startResponder } from '../../../src/lab/responder.ts'

/** A responder that can go away, and come back where it was. */
export interface MovingResponder extends AsyncDisposable {
  readonly url: string
  /** From now on it answers so; with nothing given it is away. `well` is the way in which it answers otherwise. */
  fail(faultOf: ((well: Fault) => Fault) | undefined): Promise<void>
  /** Answers well again. */
  recover(): Promise<void>
}

/**
 * Starts one. What it says can be used for `life`, as what signs it ends then, though its nextUpdate is days away: HAProxy takes nothing
 * that ends within five minutes.
 */
export async function startMovingResponder(
  issuer: LabCertificate,
  life: DurationMs,
): Promise<MovingResponder> {
  const well = delegating(({ request: { at } }) => ({ notAfter: plus(at, life) }))
  const times = { validity: durationMs(DAY_MS), renewEvery: durationMs(SECOND_MS) }
  const open = (port: number) => startResponder({ issuer, ...times, port, fault: well })
  let responder: Responder | undefined = await open(0)
  const { url, port } = responder
  const leave = async () => {
    const leaving = responder
    responder = undefined
    await leaving?.[Symbol.asyncDispose]()
  }
  return {
    url,
    async fail(faultOf) {
      if (faultOf === undefined) await leave()
      else responder?.setFault(faultOf(well))
    },
    async recover() {
      responder ??= await open(port)
      responder.setFault(well)
    },
    [Symbol.asyncDispose]: leave,
  }
}
