import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './_source-files.ts'

/** A case of the corpora: data that nobody here made, beside the repository, with the verdict of who made it. */
export interface CorpusCase {
  /** `boringssl/good_response`. */
  readonly id: string
  readonly folder: string
  readonly kind: 'response' | 'request' | 'certificate'
  readonly why: string
  /** The source's own verdict, as {@link ResponseVerdict} for responses; none where the source has none. */
  readonly expect: string | undefined
  /** The moment to judge at, ISO 8601. */
  readonly at: string | undefined
  /** What OpenSSL 3.0 says of it. */
  readonly openssl: string
  bytes(part: 'response' | 'request' | 'cert' | 'issuer'): Uint8Array | undefined
}

/** All cases, or none where the corpora are not there. */
export function corpusCases(): readonly CorpusCase[] {
  const corpora = join(root, '../shared/corpora')
  if (!existsSync(corpora)) return []
  const folders = readdirSync(corpora).filter((name) =>
    existsSync(join(corpora, name, 'cases.json')),
  )
  return folders.flatMap((folder) => {
    const raw: readonly RawCase[] = JSON.parse(
      readFileSync(join(corpora, folder, 'cases.json'), 'utf8'),
    )
    return raw.map((one) => ({
      id: `${folder}/${one.name}`,
      folder,
      kind: one.kind,
      why: one.why ?? '',
      expect: one.expect,
      at: one.at,
      openssl: one.openssl.verdict,
      bytes(part) {
        const path = one[part]
        return path === undefined ? undefined : readFileSync(join(corpora, folder, path))
      },
    }))
  })
}

interface RawCase {
  readonly name: string
  readonly kind: CorpusCase['kind']
  readonly why?: string
  readonly expect?: string
  readonly at?: string
  readonly openssl: { readonly verdict: string }
  readonly response?: string
  readonly request?: string
  readonly cert?: string
  readonly issuer?: string
}
