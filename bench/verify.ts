// How fast a response is parsed and judged, beside what cannot be beaten: bare signature verification in the same run.
//
//   npm run bench:verify
//
// Rates are per second of CPU time. The rounds of all subjects alternate, and `of bare` is the median of the ratios within a round, so that
// it stands where other processes slow down the machine for a while. OpenSSL's own OCSP_basic_verify (openssl-verify.c) runs in the same
// rounds where there is a C compiler with its headers: it reads and verifies a signer's certificate each time, as we do at first sight.
import { execFileSync } from 'node:child_process'
import { verify } from 'node:crypto'
import { epochMs, HOUR_MS, plus } from '../src/der/time.ts'
import type { LabCertificate } from '../src/lab/ca.ts'
import { type Hierarchy, makeHierarchy } from '../src/lab/hierarchy.ts'
import type { KeyKind } from '../src/lab/keys.ts'
import { buildResponse } from '../src/lab/response-builder.ts'
import { judge } from '../src/ocsp/judge.ts'
import { parseResponse } from '../src/ocsp/response.ts'
import { findSigner } from '../src/ocsp/signer.ts'
import { publicKey } from '../src/x509/certificate.ts'
import { type OpensslVerify, opensslVerify } from './_openssl-verify.ts'

const ROUNDS = 9
const ROUND_MS = 250
const BATCH = 400
const now = epochMs(Date.UTC(2026, 10, 24))

interface Subject {
  readonly name: string
  /** Measures once: how often a second of CPU time. */
  readonly rate: () => number
  readonly rates: number[]
}

for (const [kind, speedName] of [
  ['rsa-2048', 'rsa2048'],
  ['prime256v1', 'ecdsap256'],
] as const) {
  report(kind, speedName)
}

function report(kind: KeyKind, speedName: string): void {
  const hierarchy = makeHierarchy({ now, caKey: kind })
  const limit = opensslVerifications(speedName)
  using openssl = opensslVerify(hierarchy, now)
  // Seeing new signers fills memory with them, which slows down whatever is measured beside it: so they come last.
  const steady = subjectsOf(hierarchy)
  const firstSight = firstSightSubjects(hierarchy, kind, openssl)
  for (const alternating of [steady, firstSight]) {
    for (const { rate } of alternating) rate()
    for (let round = 0; round < ROUNDS; round++) {
      for (const { rate, rates } of alternating) rates.push(rate())
    }
  }
  console.log(`\n${kind}: openssl speed verifies ${Math.round(limit)} a second`)
  print(steady, 'of bare', limit)
  print(firstSight, 'of OpenSSL’s', limit)
  if (openssl === undefined)
    console.log('  OCSP_basic_verify not measured: cc or OpenSSL’s headers missing')
}

/** A line for each, with its share of the first one's rate. */
function print(subjects: readonly Subject[], ofFirst: string, limit: number): void {
  const [first] = subjects
  for (const { name, rates } of subjects) {
    const value = median(rates)
    const share = median(rates.map((each, round) => each / (first?.rates[round] ?? Number.NaN)))
    const ratios = `${share.toFixed(3)} ${ofFirst}, ${(value / limit).toFixed(3)} of openssl speed`
    console.log(`  ${name.padEnd(52)} ${String(Math.round(value)).padStart(9)}/s  ${ratios}`)
  }
}

function subjectsOf(hierarchy: Hierarchy): readonly Subject[] {
  const direct = responseBy(hierarchy, hierarchy.issuer, [])
  const delegated = responseBy(hierarchy, hierarchy.signer, [hierarchy.signer.der])
  const key = publicKey(hierarchy.issuer.certificate)
  const basic = parseResponse(direct)
  if ('kind' in basic || basic.basic === undefined || key === undefined) throw new Error('no key')
  const { tbsResponseData: tbs, signature } = basic.basic
  const signed = direct.subarray(tbs.start, tbs.end)
  const bits = direct.subarray(signature.start, signature.end)
  const subject = (
    name: string,
    response: Uint8Array,
    work: (response: Uint8Array) => unknown,
  ): Subject => {
    const same = Array.from({ length: BATCH }, () => response)
    return { name, rates: [], rate: () => rateOf(() => same, work) }
  }
  const verified = (response: Uint8Array) => signerFound(hierarchy, response)
  const judged = (response: Uint8Array) => accepted(hierarchy, response)
  return [
    subject('bare crypto.verify', direct, () => verify('sha256', signed, key, bits)),
    subject(`parse, direct, ${direct.length} bytes`, direct, parseResponse),
    subject(`parse, delegated, ${delegated.length} bytes`, delegated, parseResponse),
    subject('parse and verify, direct', direct, verified),
    subject('parse and verify, delegated, signer seen before', delegated, verified),
    subject('parse and judge, direct', direct, judged),
    subject('parse and judge, delegated, signer seen before', delegated, judged),
  ]
}

function firstSightSubjects(
  hierarchy: Hierarchy,
  kind: KeyKind,
  openssl: OpensslVerify | undefined,
): readonly Subject[] {
  const delegated = responseBy(hierarchy, hierarchy.signer, [hierarchy.signer.der])
  const fresh = freshSigners(hierarchy, kind)
  const judged = (response: Uint8Array) => accepted(hierarchy, response)
  const ours: Subject = {
    name: 'parse and judge, delegated, first sight of signer',
    rates: [],
    rate: () => rateOf(() => fresh.next().value, judged),
  }
  if (openssl === undefined) return [ours]
  const theirs: Subject = {
    name: 'OpenSSL’s d2i_OCSP_RESPONSE and OCSP_basic_verify',
    rates: [],
    rate: () => openssl.rate(delegated, ROUND_MS),
  }
  return [theirs, ours]
}

/** Batches of responses by signers of which each has its own certificate, so none of them was seen before. */
function* freshSigners(hierarchy: Hierarchy, kind: KeyKind): Generator<Uint8Array[], never> {
  const key = hierarchy.keys('bench signer', kind)
  while (true) {
    const batch: Uint8Array[] = []
    for (let i = 0; i < BATCH; i++) {
      const signer = hierarchy.issueSigner({ key })
      batch.push(responseBy(hierarchy, signer, [signer.der]))
    }
    yield batch
  }
}

function responseBy(
  { leaf, issuer }: Hierarchy,
  signer: Pick<LabCertificate, 'certificate' | 'key'>,
  certs: readonly Uint8Array[],
): Uint8Array {
  const response = buildResponse({
    signer,
    responses: [
      {
        certID: { certificate: leaf.certificate, issuer: issuer.certificate },
        thisUpdate: plus(now, -HOUR_MS),
        nextUpdate: plus(now, 24 * HOUR_MS),
      },
    ],
    ...(certs.length === 0 ? {} : { certs }),
  })
  return new Uint8Array(response)
}

/** Reads a response and finds out who signed it, and nothing else. */
function signerFound({ issuer }: Hierarchy, bytes: Uint8Array): void {
  const response = parseResponse(bytes)
  if ('kind' in response || response.basic === undefined) throw new Error('not to be read')
  const { signer } = findSigner(response, response.basic, issuer.certificate)
  if (signer === undefined) throw new Error('the signature does not verify')
}

function accepted({ leaf, issuer }: Hierarchy, response: Uint8Array): void {
  const verdict = judge({
    response,
    certificate: leaf.certificate,
    issuer: issuer.certificate,
    now,
  })
  if (!verdict.accepted) throw new Error(`refused: ${verdict.findings[0].rule}`)
}

/** How often a second of CPU time `work` is done; making what it takes is not timed. */
function rateOf(
  prepare: () => readonly Uint8Array[],
  work: (response: Uint8Array) => unknown,
): number {
  let done = 0
  let cpu = 0
  const end = performance.now() + ROUND_MS
  while (performance.now() < end) {
    const responses = prepare()
    const before = process.cpuUsage()
    for (const response of responses) work(response)
    const { user, system } = process.cpuUsage(before)
    cpu += user + system
    done += responses.length
  }
  return (done / cpu) * 1e6
}

function opensslVerifications(name: string): number {
  const output = execFileSync('openssl', ['speed', '-seconds', '2', name], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return Number(output.trim().split(/\s+/).at(-1))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
