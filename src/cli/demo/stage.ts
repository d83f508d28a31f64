import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DAY_MS,
  type DurationMs,
  durationMs,
  type EpochMs,
  plus,
  SECOND_MS,
} from '../../der/time.ts'
import type { CertificateKnobs, LabCertificate } from '../../lab/ca.ts'
import { httpError } from '../../lab/faults/answers.ts'
import { everyNth } from '../../lab/faults/combine.ts'
import { honest } from '../../lab/faults/fault.ts'
import { delegating } from '../../lab/faults/signers.ts'
import { makeHierarchy } from '../../lab/hierarchy.ts'
import { type Responder, startResponder } from '../../lab/responder.ts'

/** A certificate of the demo, and its files. */
export interface StageCertificate {
  readonly name: string
  /** What it is there to show, for people. */
  readonly about: string
  readonly leaf: LabCertificate
  /** PEM: the certificate and then its issuer. */
  readonly chain: string
  readonly chainFile: string
  readonly keyFile: string
  /** Where the service is told to write its staple. */
  readonly stapleFile: string
}

/** What everything else stands on: a CA with its responder, and certificates in a temporary folder. */
export interface Stage extends AsyncDisposable {
  /** Removed when disposed of, and with the process. */
  readonly folder: string
  readonly root: LabCertificate
  readonly issuer: LabCertificate
  readonly stapled: readonly StageCertificate[]
  /** Has no OCSP URL: nothing can be stapled for it. */
  readonly bare: StageCertificate
  readonly responderUrl: string
  /** Ends the responder: from now on connections to it are refused. */
  closeResponder(): Promise<void>
  /** Starts it again, where it was, in good health. */
  reopenResponder(): Promise<void>
  /** How the responder is from now on: it answers well, fails one request in six, or signs what can be used for days. */
  setHealth(health: 'well' | 'one-in-six-fails' | 'lasting'): void
}

/**
 * Makes the CA, starts its responder, makes the certificates and writes their files. Responses can be used for `life`, as what signs them ends then;
 * their nextUpdate is days away, as HAProxy takes none that ends within five minutes, and no server of its own accord would
 * ask again in so short a time.
 */
export async function setStage(now: EpochMs, life: DurationMs): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-demo-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const { root, issuer, issueLeaf, keys } = makeHierarchy({
    now,
    caKey: 'prime256v1',
    ocspUrls: [],
    name: 'everstaple demo',
  })
  const shortLived = delegating(({ request: { at } }) => ({ notAfter: plus(at, life) }))
  const faults = {
    well: shortLived,
    'one-in-six-fails': everyNth(6, httpError(503), shortLived),
    lasting: honest,
  }
  const open = (port: number) => {
    const times = { validity: LASTING, renewEvery: durationMs(SECOND_MS) }
    return startResponder({ issuer, ...times, port, fault: faults.well })
  }
  let responder: Responder | undefined = await open(0)
  const { url, port } = responder
  for (const name of ['certificates', 'keys', 'staples']) mkdirSync(join(folder, name))

  const make = (name: string, about: string, knobs: Partial<CertificateKnobs>) => {
    const key = keys(name, about.startsWith('RSA') ? 'rsa-2048' : 'prime256v1')
    const leaf = issueLeaf({ dnsNames: [name], key, ocspUrls: [url], ...knobs })
    const chain = leaf.pem + issuer.pem
    const chainFile = join(folder, 'certificates', `${name}.pem`)
    const keyFile = join(folder, 'keys', `${name}.pem`)
    writeFileSync(chainFile, chain)
    writeFileSync(keyFile, leaf.keyPem, { mode: 0o600 })
    const stapleFile = join(folder, 'staples', `${name}.der`)
    return { name, about, leaf, chain, chainFile, keyFile, stapleFile }
  }
  return {
    folder,
    root,
    issuer,
    stapled: [
      make('rsa.example', 'RSA', {}),
      make('ecdsa.example', 'ECDSA', {}),
      make('must-staple.example', 'ECDSA, must-staple: no staple, no connection', {
        tlsFeatures: [STATUS_REQUEST],
      }),
    ],
    bare: make('no-ocsp.example', 'ECDSA, names no OCSP URL: has no staple and needs none', {
      ocspUrls: [],
    }),
    responderUrl: url,
    async closeResponder() {
      await responder?.[Symbol.asyncDispose]()
      responder = undefined
    },
    async reopenResponder() {
      responder = await open(port)
    },
    setHealth: (health) => responder?.setFault(faults[health]),
    async [Symbol.asyncDispose]() {
      await responder?.[Symbol.asyncDispose]()
      process.off('exit', remove)
      remove()
    },
  }
}

const LASTING: DurationMs = durationMs(4 * DAY_MS)
/** The TLS feature of must-staple (RFC 7633). */
const STATUS_REQUEST = 5
