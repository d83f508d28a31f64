import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EpochMs } from '../src/der/time.ts'
import type { Hierarchy } from '../src/lab/hierarchy.ts'

/** `openssl-verify.c`, built and ready. */
export interface OpensslVerify extends Disposable {
  /** Responses parsed and verified per second of CPU time, measured for so many milliseconds. Throws where OpenSSL refuses it. */
  readonly rate: (response: Uint8Array, durationMs: number) => number
}

/** Builds `openssl-verify.c` for responses about the leaf of a hierarchy; `undefined` without a C compiler and OpenSSL's headers. */
export function opensslVerify({ leaf, issuer }: Hierarchy, at: EpochMs): OpensslVerify | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'everstaple-bench-'))
  const remove = () => rmSync(folder, { recursive: true })
  const file = (name: string, der: Uint8Array) => {
    writeFileSync(join(folder, name), der)
    return join(folder, name)
  }
  const program = join(folder, 'openssl-verify')
  const source = fileURLToPath(new URL('openssl-verify.c', import.meta.url))
  try {
    execFileSync('cc', ['-O2', '-o', program, source, '-lcrypto'], { stdio: 'pipe' })
  } catch {
    remove()
    return undefined
  }
  const about = [file('leaf', leaf.der), file('issuer', issuer.der), String(at / 1000)]
  return {
    rate: (response, durationMs) =>
      Number(
        execFileSync(program, [file('response', response), ...about, String(durationMs)], {
          encoding: 'utf8',
        }),
      ),
    [Symbol.dispose]: remove,
  }
}
