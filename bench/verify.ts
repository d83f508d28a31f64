// How fast a response is parsed and judged, beside what cannot be beaten: bare signature verification in the same run.
//
//   npm run bench:verify
//
// Rates are per second of CPU time. The rounds of all subjects alternate, and `of bare` is the median of the ratios within a round, so that
// it stands where other processes slow down the machine for a while.
import { execFileSync } from 'node:child_process'
import { verify } from 'node:crypto'
import { epochMs, HOUR_MS, plus } from '../src/der/time.ts'
import type { LabCertificate } from '../src/lab/ca.ts'
import { type Hierarchy, makeHierarchy } from '../src/lab/hierarchy.ts'
import type { KeyKind } from '../src/lab/keys.ts'
import { buildResponse } from '../src/lab/response-builder.ts'
import { judge } from '../src/ocsp/judge.ts'
import { parseResponse } from '../src/ocsp/response.ts'
import { publicKey } from '../src/x509/certificate.ts'

const ROUNDS = 9
const ROUND_MS = 250
const BATCH = 400
const now = epochMs(Date.UTC(2026, 10, 24))

interface Subject {
  readonly name: string
  /** Makes what `work` takes; not timed. */
  readonly prepare: () => readonly Uint8Array[]
  readonly work: (response: Uint8Array) => unknown
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
  const subjects = subjectsOf(hierarchy, kind)
  // Seeing new signers fills memory with them, which slows down whatever is measured beside it: so they come last.
  const [steady, firstSight] = [subjects.slice(0, -1), subjects.slice(-1)]
  for (const alternating of [steady, firstSight]) {
    for (const subject of alternating) rate(subject)
    for (let round = 0; round < ROUNDS; round++) {
      for (const subject of alternating) subject.rates.push(rate(subject))
    }
  }
  const [bare] = subjects
  console.log(`\n${kind}: openssl speed verifies ${Math.round(limit)} a second`)
  for (const { name, rates } of subjects) {
    const value = median(rates)
    const ofBare = median(rates.map((each, round) => each / (bare?.rates[round] ?? Number.NaN)))
    const ratios = `${ofBare.toFixed(3)} of bare, ${(value / limit).toFixed(3)} of openssl speed`
    console.log(`  ${name.padEnd(46)} ${String(Math.round(value)).padStart(9)}/s  ${ratios}`)
  }
}

function subjectsOf(hierarchy: Hierarchy, kind: KeyKind): Subject[] {
  const direct = responseBy(hierarchy, hierarchy.issuer, [])
  const delegated = responseBy(hierarchy, hierarchy.signer, [hierarchy.signer.der])
  const key = publicKey(hierarchy.issuer.certificate)
  const basic = parseResponse(direct)
  if ('kind' in basic || basic.basic === undefined || key === undefined) throw new Error('no key')
  const { tbsResponseData: tbs, signature } = basic.basic
  const signed = direct.subarray(tbs.start, tbs.end)
  const bits = direct.subarray(signature.start, signature.end)
  const fresh = freshSigners(hierarchy, kind)
  const subject = (
    name: string,
    response: Uint8Array,
    work: (response: Uint8Array) => unknown,
  ): Subject => {
    const same = Array.from({ length: BATCH }, () => response)
    return { name, rates: [], work, prepare: () => same }
  }
  const judged = (response: Uint8Array) => accepted(hierarchy, response)
  return [
    subject('bare crypto.verify', direct, () => verify('sha256', signed, key, bits)),
    subject(`parse, direct, ${direct.length} bytes`, direct, parseResponse),
    subject(`parse, delegated, ${delegated.length} bytes`, delegated, parseResponse),
    subject('parse and judge, direct', direct, judged),
    subject('parse and judge, delegated, signer seen before', delegated, judged),
    {
      name: 'parse and judge, delegated, first sight of signer',
      rates: [],
      work: judged,
      prepare: () => fresh.next().value,
    },
  ]
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

function accepted({ leaf, issuer }: Hierarchy, response: Uint8Array): void {
  const verdict = judge({
    response,
    certificate: leaf.certificate,
    issuer: issuer.certificate,
    now,
  })
  if (!verdict.accepted) throw new Error(`refused: ${verdict.findings[0].rule}`)
}

function rate({ prepare, work }: Subject): number {
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
