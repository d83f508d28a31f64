import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { misbehaviour } from '../../src/lab/faults/catalogue.ts'
import { root } from '../_source-files.ts'
import { type Clinic, type Hospital, openClinic, openHospital } from './_sick-responders.ts'

/** What `everstaple status --responders` calls sick CAs after one round; src/responders/patterns/catalogue.test.ts has the others, which take hours. */
const sick: readonly (readonly [name: string, pattern: string, evidence: RegExp])[] = [
  ['wrong-algorithm-named', 'signature-algorithm-mismatch', /verifies as ecdsa-with-SHA1/],
  ['integer-not-minimal', 'integers-not-minimal', /non-minimal|minimal/],
  ['extra-certificates', 'extra-certificates', /certificates/],
  ['page-for-people', 'page-for-people', /page|HTML|text/],
  ['signer-of-another-root', 'signer-not-authorized', /signer/],
]

describe('everstaple status --responders', () => {
  const clinics: Clinic[] = []
  let hospital: Hospital
  let reports: readonly {
    readonly responder: string
    readonly certificates: number
    readonly findings: readonly { readonly pattern: string; readonly evidence: string }[]
  }[]

  beforeAll(async () => {
    for (const [name] of sick) {
      const { fault, leaf } = misbehaviour(name)
      clinics.push(await openClinic({ name, fault, leaf, size: 20 }))
    }
    clinics.push(await openClinic({ name: 'healthy', size: 20 }))
    hospital = await openHospital(clinics)
    for (const { leaves } of clinics) {
      for (const { certificate } of leaves) await hospital.outcome(certificate.fingerprint)
    }
    const args = [join(root, 'dist/cli/main.js'), 'status', '--responders', '--json']
    const program = promisify(execFile)(process.execPath, [...args, '--data', hospital.data])
    const { stdout } = await program.catch((error: { readonly stdout: string }) => error)
    ;({ responders: reports } = JSON.parse(stdout))
  })
  afterAll(async () => {
    await hospital?.[Symbol.asyncDispose]()
    for (const clinic of clinics) await clinic[Symbol.asyncDispose]()
  })

  const reportOf = (name: string) => {
    const url = clinics.find((clinic) => clinic.name === name)?.responder.url
    return reports.find(({ responder }) => responder === url)
  }

  test.each(sick)('names %s: %s', (name, pattern, evidence) => {
    const finding = reportOf(name)?.findings.find((each) => each.pattern === pattern)
    expect(finding?.evidence).toMatch(evidence)
  })

  test('finds nothing wrong with the healthy one', () => {
    expect(reportOf('healthy')).toMatchObject({ certificates: 20, stapled: 20, findings: [] })
  })
})
