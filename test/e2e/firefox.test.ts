import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeHierarchy } from '../../src/lab/hierarchy.ts'
import { expectedVerdict } from '../../src/lab/matrix.ts'
import { type Vector, vectors } from '../../src/lab/vectors.ts'
import { explain } from '../../src/ocsp/explain.ts'
import { defaultPolicy } from '../../src/ocsp/policy.ts'
import { type Conduct, conductsOf } from '../../src/probe/conduct.ts'
import { outcomeOf } from '../../src/probe/outcome.ts'
import { systemClock } from '../../src/time/clock.ts'
import type { Certificate } from '../../src/x509/certificate.ts'
import { root } from '../_source-files.ts'
import { startEverstaple } from './_everstaple.ts'
import { type Firefox, startFirefox } from './_firefox.ts'
import { startNginx } from './_nginx.ts'
import { createOpensslCa } from './_openssl-ca.ts'
import { startOpensslResponder } from './_openssl-responder.ts'
import { describeWith } from './_peer.ts'
import { startStapleServer } from './_staple-server.ts'

describeWith(['openssl', 'nginx', 'firefox-esr', 'certutil'], 'Firefox', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, maxRetries: 5 })
  })

  it('loads a must-staple page of nginx with a staple by everstaple, and not without', async () => {
    await using parts = new AsyncDisposableStack()
    const ca = await createOpensslCa(folder)
    const responder = parts.use(await startOpensslResponder(ca))
    const { url: ocspUrl } = responder
    const leaf = await ca.issue({ name: 'www.test', ocspUrl, key: 'ecdsa', mustStaple: true })
    await responder.start()
    const everstaple = parts.use(
      await startEverstaple(folder, {
        certificates: [leaf.chain],
        data: 'data',
        responders: { allowAddresses: ['127.0.0.1'] },
        outputs: [{ file: 'www.ocsp' }],
      }),
    )
    await everstaple.logged('fileWritten')
    const stapling = join(folder, 'stapling.conf')
    await writeFile(stapling, `ssl_stapling on; ssl_stapling_file ${folder}/www.ocsp;`)
    const page = '<title>stapled</title><h1>This page came with a staple.</h1>'
    const directives = [`include ${stapling};`, 'default_type text/html;', `return 200 "${page}";`]
    const nginx = parts.use(await startNginx(folder, [{ leaf, directives }]))
    const url = `https://localhost:${nginx.ports[0]}/`
    const firefox = parts.use(await startFirefox(folder, ca.root))

    expect(await firefox.visit(url)).toEqual({ kind: 'page', title: 'stapled' })
    await keep('firefox-stapled.png', firefox)
    await writeFile(stapling, '')
    await nginx.reload()
    expect(await firefox.visit(url)).toEqual({
      kind: 'error',
      code: FEATURE_MISSING,
    })
    await keep('firefox-unstapled.png', firefox)
  })

  it('does with each kind of staple what everstaple check says', async () => {
    const now = systemClock.now()
    const made = makeHierarchy({ now })
    const leaf = made.issueLeaf({ tlsFeatures: [5] })
    const home = join(folder, 'kinds')
    await mkdir(home)
    await writeFile(join(home, 'root.pem'), made.root.pem)
    await using server = await startStapleServer(leaf, made.issuer)
    await using firefox = await startFirefox(home, join(home, 'root.pem'))
    const differing: Record<string, readonly string[]> = {}
    const told = vectors({ ...made, leaf }, now)
    const shown = process.env['SLOW'] === '1' ? told : told.filter(isTelling)
    for (const { name, response } of lastingLast(shown)) {
      server.staple(response)
      const saw = await firefox.visit(`https://localhost:${server.port}/`)
      const seen = saw.kind === 'page' ? 'connects' : saw.code
      const { connects, error } = conductOn(response, leaf.certificate, made.issuer.certificate)
      const said = connects ? 'connects' : error
      if (said !== seen) differing[name] = [`Firefox: ${seen}`, `we: ${said}`]
    }
    expect(differing).toEqual(known)

    const demanding = made.issueLeaf({ tlsFeatures: [5, 17] })
    await using other = await startStapleServer(demanding, made.issuer)
    const saw = await firefox.visit(`https://localhost:${other.port}/`)
    expect(saw).toEqual({ kind: 'error', code: FEATURE_MISSING })
    expect(
      conductOn(Uint8Array.of(), demanding.certificate, made.issuer.certificate),
    ).toMatchObject({
      error: FEATURE_MISSING,
    })
  })
})

const FEATURE_MISSING = 'MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING'

/** Where Firefox does otherwise, none of which makes a good staple of a bad one. */
const known = {
  // A finding does not tell a name of the wrong length, which is malformed, from one of the wrong key.
  rid_bykey_sha256: ['Firefox: SEC_ERROR_OCSP_MALFORMED_RESPONSE', 'we: connects'],
  // Two things are wrong with it.
  rext_critical_bool_01: [
    'Firefox: SEC_ERROR_OCSP_MALFORMED_RESPONSE',
    'we: SEC_ERROR_UNKNOWN_CRITICAL_EXTENSION',
  ],
  // We do not say what it shows for these.
  multi_good_then_revoked: ['Firefox: SEC_ERROR_REVOKED_CERTIFICATE', 'we: undefined'],
  size_70000: ['Firefox: SSL_ERROR_INTERNAL_ERROR_ALERT', 'we: undefined'],
}

/** What Firefox does not just take, and one that it does; `SLOW=1` shows it all of them. */
function isTelling({ name }: Vector): boolean {
  return name === 'base_direct_bykey' || !expectedVerdict(name, 'mozpkix')
}

/** Firefox keeps in mind that a certificate is revoked or unknown: what says so comes last. */
function lastingLast(all: readonly Vector[]): readonly Vector[] {
  const lasting = ({ name }: Vector) => Number(/revoked|^unknown$|^multi_/.test(name))
  return all.toSorted((a, b) => lasting(a) - lasting(b))
}

function conductOn(response: Uint8Array, certificate: Certificate, issuer: Certificate): Conduct {
  const policy = defaultPolicy
  const about = { certificate, issuer, now: systemClock.now(), policy, servedChain: undefined }
  // In a handshake, an empty staple is none.
  const explanation = response.length === 0 ? undefined : explain({ response, ...about })
  const outcome = outcomeOf(certificate, explanation)
  return conductsOf({ certificate, outcome, explanation, distrust: undefined }).mustStapleBrowser
}

/** `SCREENSHOTS=1` makes the pictures of docs/monitoring.md anew. */
async function keep(name: string, firefox: Firefox): Promise<void> {
  if (process.env['SCREENSHOTS'] !== '1') return
  const images = join(root, 'docs/images')
  await mkdir(images, { recursive: true })
  await writeFile(join(images, name), await firefox.screenshot())
}
