import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DurationMs, durationMs, type EpochMs, SECOND_MS } from '../../der/time.ts'
import type { CertificateKnobs, LabCertificate } from '../../lab/ca.ts'
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
  /** Starts it again, where it was. */
  reopenResponder(): Promise<void>
}

/** Makes the CA, starts its responder with responses that are valid so long, makes the certificates and writes their files. */
export async function setStage(now: EpochMs, validity: DurationMs): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-demo-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const { root, issuer, issueLeaf, keys } = makeHierarchy({
    now,
    caKey: 'prime256v1',
    ocspUrls: [],
    name: 'everstaple demo',
  })
  const open = (port: number) =>
    startResponder({ issuer, validity, renewEvery: durationMs(SECOND_MS), port })
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
    async [Symbol.asyncDispose]() {
      await responder?.[Symbol.asyncDispose]()
      process.off('exit', remove)
      remove()
    },
  }
}

/** The TLS feature of must-staple (RFC 7633). */
const STATUS_REQUEST = 5
