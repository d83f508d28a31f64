import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LabCertificate } from './ca.ts'
import type { Hierarchy } from './hierarchy.ts'

/** As `openssl version` prints it: `3.0.22`; `undefined` where there is no openssl. */
export function opensslVersion(): string | undefined {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }).split(' ')[1]
  } catch {
    return undefined
  }
}

/** Files of a hierarchy in a temporary folder, and `openssl ocsp` run on them. Removed when disposed of. */
export interface OpensslBench extends Disposable {
  /** Whether `openssl ocsp` verifies the response and says good and in date. */
  readonly accepts: (response: Uint8Array) => Promise<boolean>
  /** Asks a responder, and gives all that openssl prints. */
  readonly ask: (url: string) => Promise<string>
}

export function opensslBench(hierarchy: Hierarchy): OpensslBench {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-openssl-'))
  let written = 0
  const file = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const pem = (name: string, { pem }: LabCertificate) => file(`${name}.pem`, pem)
  const issuer = pem('issuer', hierarchy.issuer)
  const subject = ['-issuer', issuer, '-cert', pem('leaf', hierarchy.leaf)]
  const trust = ['-CAfile', pem('root', hierarchy.root), '-verify_other', issuer]
  const common = ['ocsp', '-no_nonce', ...subject, ...trust]
  return {
    accepts: async (response) => {
      const path = file(`${written++}.der`, response)
      const printed = await openssl([...common, '-respin', path])
      rmSync(path)
      return (
        printed.includes('Response verify OK') &&
        printed.includes('leaf.pem: good') &&
        !printed.includes('Status times invalid')
      )
    },
    ask: (url) => openssl([...common, '-url', url]),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  }
}

/** Standard output and error together, whatever the exit status. */
function openssl(args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile('openssl', args, (_error, stdout, stderr) => resolve(stdout + stderr))
  })
}
