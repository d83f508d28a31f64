import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type SimulationOptions, simulate } from '../../src/lab/simulation/simulation.ts'
import { Violation } from '../../src/lab/simulation/violation.ts'
import { root } from '../_source-files.ts'
import { spoils } from './_spoils.ts'

describe('the service in simulated worlds', () => {
  it('keeps every invariant over thirty days, with every seed', async () => {
    // The tool that developers use by hand, as it has a thread for each core.
    const args = [join(root, 'tools/simulate-seeds.ts'), '--seeds', '200', '--days', '30']
    const { stdout } = await promisify(execFile)(process.execPath, args).catch(
      (error: { readonly stdout: string }) => error,
    )
    expect(stdout).toMatch(/^200 seeds of 30 days: /)
    expect(stdout).not.toContain('again, with every event')
  }, 480_000)

  it('does the same again with the same seed, and something else with another', async () => {
    const [one, again, other] = [await lines(7), await lines(7), await lines(8)]
    expect(again).toEqual(one)
    expect(other).not.toEqual(one)
  })
})

describe('the simulation notices', () => {
  it.each(spoils)('%s: %s', async (invariant, _, spoil) => {
    const found: string[] = []
    for (let seed = 1; seed <= MOST_SEEDS && !found.includes(invariant); seed++) {
      const violation = await violationOf({ seed, days: 6, spoil })
      if (violation !== undefined) found.push(violation.invariant)
    }
    expect(found).toContain(invariant)
  })
})

async function violationOf(options: SimulationOptions): Promise<Violation | undefined> {
  try {
    await simulate(options)
    return undefined
  } catch (error) {
    if (error instanceof Violation) return error
    throw error
  }
}

async function lines(seed: number): Promise<readonly string[]> {
  const all: string[] = []
  await violationOf({ seed, days: 6, each: (line) => void all.push(line) })
  return all
}

const MOST_SEEDS = 30
