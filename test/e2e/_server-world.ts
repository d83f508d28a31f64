import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OpensslSaw, Server } from './_clients.ts'
import { createOpensslCa, type KeyKind } from './_openssl-ca.ts'
import { startOpensslResponder } from './_openssl-responder.ts'

/** A must-staple certificate for www.test, as paths of PEM files. */
export interface WorldCertificate {
  /** The certificate and its issuer. */
  readonly chain: string
  readonly key: string
  /** Chain and key. */
  readonly both: string
  /** Lower-case hex. */
  readonly serial: string
}

/** A CA with its responder, for servers that are tried one after the other. */
export interface ServerWorld extends AsyncDisposable {
  /** Path of the root that clients trust. */
  readonly root: string
  /** Path of what signs certificates. */
  readonly issuer: string
  /** Makes a folder for a server, which users that servers run as can read. */
  folder(name: string): Promise<string>
  /** Issues a certificate into a folder; the responder knows it. */
  issue(folder: string, key: KeyKind): Promise<WorldCertificate>
  /** The server as clients reach it. */
  at(port: number): Server
}

/**
 * Makes a CA and starts its responder. What it says is valid for half an hour: so little that a newer response is served at once, which
 * everstaple puts off where the one before has an hour left.
 */
export async function createServerWorld(): Promise<ServerWorld> {
  const parent = await mkdtemp(join(tmpdir(), 'everstaple-servers-'))
  await chmod(parent, 0o755)
  const ca = await createOpensslCa(parent)
  const responder = await startOpensslResponder(ca)
  return {
    root: ca.root,
    issuer: ca.issuer.certificate,
    async folder(name) {
      const path = join(parent, name)
      await mkdir(path)
      return path
    },
    async issue(folder, key) {
      const ocspUrl = responder.url
      const leaf = await ca.issue({ name: 'www.test', key, ocspUrl, mustStaple: true })
      const files = pathsIn(folder, key)
      await copyFile(leaf.chain, files.chain)
      await copyFile(leaf.key, files.key)
      await chmod(files.key, 0o644)
      const both = [leaf.chain, leaf.key].map((path) => readFile(path, 'utf8'))
      await writeFile(files.both, (await Promise.all(both)).join(''))
      await responder.start({ validMinutes: 30 })
      return { ...files, serial: leaf.serial }
    },
    at: (port) => ({ port, name: 'www.test', root: ca.root }),
    async [Symbol.asyncDispose]() {
      await responder[Symbol.asyncDispose]()
      await rm(parent, { recursive: true, force: true })
    },
  }
}

/** Looks until the staple is another one than `before`, at most for ten seconds, and gives what was seen last. */
export async function nextStaple(
  look: () => Promise<OpensslSaw>,
  before: OpensslSaw,
): Promise<OpensslSaw> {
  const end = performance.now() + 10_000
  let saw = before
  while (updateOf(saw) === updateOf(before) && performance.now() < end) saw = await look()
  return saw
}

function updateOf(saw: OpensslSaw): string | undefined {
  return saw.kind === 'staple' ? saw.thisUpdate : undefined
}

function pathsIn(folder: string, key: KeyKind): Omit<WorldCertificate, 'serial'> {
  const at = (suffix: string) => join(folder, `${key}${suffix}`)
  return { chain: at('.pem'), key: at('.key'), both: at('.both.pem') }
}
