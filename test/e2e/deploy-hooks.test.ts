import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DAY_MS, plus } from '../../src/der/time.ts'
import { makeCertificate } from '../../src/lab/ca.ts'
import { reset } from '../../src/lab/faults/answers.ts'
import { makeKey } from '../../src/lab/keys.ts'
import { systemClock } from '../../src/time/clock.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { certificatesInPem } from '../../src/x509/pem.ts'
import { root } from '../_source-files.ts'
import { type Everstaple, startEverstaple } from './_everstaple.ts'
import { type Pebble, startPebble } from './_pebble.ts'
import { describeWith, peerPath } from './_peer.ts'
import { type ProgramResult, runProgram } from './_program.ts'

/** What the API says of a certificate. */
interface Managed {
  readonly id: string
  readonly usable: boolean
  readonly outputs: readonly { readonly place: string; readonly state: string }[]
}

const page = readFileSync(join(root, 'docs/deploy-hooks.md'), 'utf8')
/** The scripts and commands of the page: what is tried here, word for word but for the folders. */
const blocks = new Map(
  [...page.matchAll(/```sh (\S+)\n([\s\S]*?)```/g)].map(([, name = '', text]) => [name, text]),
)

const peers = ['openssl', 'certbot', 'lego', 'dehydrated', 'pebble'] as const

describeWith(peers, 'a deploy hook of the page', () => {
  let folder: string
  let pebble: Pebble
  let everstaple: Everstaple
  /** Each of these has a machine of its own, which is a folder. */
  const machines = ['certbot', 'acme', 'lego', 'dehydrated', 'away'] as const
  type Machine = (typeof machines)[number]
  const at = (machine: Machine, path: string) => join(folder, machine, path)
  const put = async (machine: Machine, path: string, text: string) => {
    await mkdir(dirname(at(machine, path)), { recursive: true })
    await writeFile(at(machine, path), text, { mode: 0o755 })
    return at(machine, path)
  }
  const block = (machine: Machine, name: string) => {
    const text = blocks.get(name)
    if (text === undefined) throw new Error(`the page has no block ${name}`)
    return text.replaceAll('/etc/', at(machine, 'etc/'))
  }
  /** Runs a command line on a machine. */
  const shell = (machine: Machine, line: string, more = ''): Promise<ProgramResult> => {
    const { trust } = pebble
    const trusts = `REQUESTS_CA_BUNDLE=${trust} LEGO_CA_CERTIFICATES=${trust} CURL_CA_BUNDLE=${trust}`
    const env = `PATH=${at(machine, 'bin')}:$PATH ${trusts} ${more}`
    return runProgram('/bin/sh', ['-c', `export ${env}\n${line}`], at(machine, '.'))
  }
  const run = async (machine: Machine, line: string) => {
    const { status, stdout, stderr } = await shell(machine, line)
    expect(status, `${line}\n${stdout}${stderr}`).toBe(0)
  }
  const idIn = async (path: string) => {
    const [first] = certificatesInPem(await readFile(path)).certificates
    const certificate = first && parseCertificate(first.der)
    if (certificate === undefined || 'kind' in certificate) throw new Error(`${path}: unreadable`)
    return certificate.fingerprint
  }
  /** That the server was reloaded, at a moment when the staple of the certificate in this file was stored and in its output. */
  const expectReload = async (machine: Machine, path: string) => {
    const file = at(machine, path)
    const { asked, certificates } = JSON.parse(await readFile(at(machine, 'reload.json'), 'utf8'))
    const id = await idIn(file)
    expect(asked).toEqual(['reload', 'nginx'])
    const place = { place: `${file}.ocsp`, state: 'live' }
    expect(certificates.find((each: Managed) => each.id === id)).toMatchObject({
      usable: true,
      outputs: expect.arrayContaining([expect.objectContaining(place)]),
    })
    await rm(at(machine, 'reload.json'))
  }
  const issue = () => {
    const now = systemClock.now()
    return makeCertificate({
      subject: 'www.example.org',
      dnsNames: ['www.example.org'],
      key: makeKey('prime256v1'),
      notBefore: plus(now, -DAY_MS),
      notAfter: plus(now, 30 * DAY_MS),
      issuer: pebble.issuer,
      ocspUrls: [pebble.responder.url],
    })
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'everstaple-e2e-'))
    pebble = await startPebble(folder)
    everstaple = await startEverstaple(folder, {
      certificates: [
        'certbot/etc/letsencrypt/live',
        'acme/etc/nginx/certs',
        'lego/etc/nginx/certs',
        'away/etc/nginx/certs',
        'dehydrated/etc/dehydrated/certs/www.example.org/fullchain.pem',
      ],
      data: 'data',
      responders: { allowAddresses: ['127.0.0.1'] },
      outputs: [{ file: '{source}.ocsp', reload: 'true', debounce: '50ms' }],
    })
    for (const machine of machines) {
      await mkdir(at(machine, 'etc/nginx/certs'), { recursive: true })
      const main = join(root, 'dist/cli/main.js')
      const ensure = `exec ${process.execPath} ${main} "$@" --server ${everstaple.url}`
      await put(machine, 'bin/everstaple', `#!/bin/sh\n${ensure}\n`)
      await put(machine, 'bin/systemctl', systemctl(everstaple.url, at(machine, 'reload.json')))
    }
  })
  afterAll(async () => {
    await everstaple?.[Symbol.asyncDispose]()
    await pebble?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })

  it.concurrent('works with certbot, on the command line and as a file', async () => {
    const live = 'etc/letsencrypt/live/www.example.org/fullchain.pem'
    const folders = `--config-dir ${at('certbot', 'etc/letsencrypt')} --work-dir w --logs-dir l`
    const quietly = `--non-interactive --force-renewal --no-random-sleep-on-renew`
    const certbot = `exec ${peerPath('certbot')} "$@" ${folders} ${quietly}`
    await put('certbot', 'bin/certbot', `#!/bin/sh\n${certbot}\n`)
    const account = '--agree-tos --register-unsafely-without-email --key-type ecdsa'
    const challenge = '--manual --preferred-challenges dns --manual-auth-hook true'
    const what = `-d www.example.org --server ${pebble.directory}`
    await run('certbot', `certbot certonly ${account} ${challenge} ${what}`)
    const first = await idIn(at('certbot', live))
    await run('certbot', block('certbot', 'certbot'))
    expect(await idIn(at('certbot', live))).not.toBe(first)
    await expectReload('certbot', live)
    // It remembers the hook of the command line, and must not use that one now.
    const remembered = 'etc/letsencrypt/renewal/www.example.org.conf'
    await run('certbot', `grep -q renew_hook ${remembered} && sed -i /renew_hook/d ${remembered}`)
    const hook = 'etc/letsencrypt/renewal-hooks/deploy/everstaple'
    await put('certbot', hook, block('certbot', 'certbot-file'))
    await run('certbot', 'certbot renew')
    await expectReload('certbot', live)
  })

  it.concurrent('works with what acme.sh runs', async () => {
    const { pem, keyPem } = issue()
    await put('acme', 'home/fullchain.cer', pem + pebble.issuer.pem)
    await put('acme', 'home/www.example.org.key', keyPem)
    await put('acme', 'bin/acme.sh', acmeSh(at('acme', 'home')))
    await run('acme', block('acme', 'acme.sh'))
    await expectReload('acme', 'etc/nginx/certs/www.pem')
  })

  it.concurrent('works with lego', async () => {
    const hook = await put('lego', 'etc/lego/deploy', block('lego', 'lego'))
    const lego = `lego --accept-tos --email a@example.org --path . --server ${pebble.directory}`
    const what = '--domains www.example.org --http --http.port 127.0.0.1:0'
    await run('lego', `${lego} ${what} run --run-hook ${hook}`)
    await expectReload('lego', 'etc/nginx/certs/www.pem')
    const renew = `renew --days 9999 --no-random-sleep --renew-hook ${hook}`
    await run('lego', `${lego} ${what} ${renew}`)
    await expectReload('lego', 'etc/nginx/certs/www.pem')
  })

  it.concurrent('works with dehydrated', async () => {
    const hook = await put(
      'dehydrated',
      'etc/dehydrated/hook.sh',
      block('dehydrated', 'dehydrated'),
    )
    const base = at('dehydrated', 'etc/dehydrated')
    const settings = { CA: pebble.directory, BASEDIR: base, WELLKNOWN: base, HOOK: hook }
    const lines = Object.entries({ ...settings, KEY_ALGO: 'prime256v1', KEYSIZE: '2048' })
    const text = lines.map(([name, value]) => `${name}=${value}\n`).join('')
    const config = await put('dehydrated', 'etc/dehydrated/config', text)
    const what = `--accept-terms --cron --domain www.example.org`
    await run('dehydrated', `dehydrated --config ${config} ${what}`)
    await expectReload('dehydrated', 'etc/dehydrated/certs/www.example.org/fullchain.pem')
  })

  it('deploys nothing, and reloads nothing, while the CA gives no staple', async () => {
    const { pem, keyPem } = issue()
    const certificate = await put('away', 'new/www.crt', pem + pebble.issuer.pem)
    const key = await put('away', 'new/www.key', keyPem)
    const text = block('away', 'lego').replaceAll('60s', '500ms')
    const hook = await put('away', 'etc/lego/deploy', text)
    pebble.responder.setFault(reset)
    const given = `LEGO_CERT_PATH=${certificate} LEGO_CERT_KEY_PATH=${key}`
    const { status, stdout } = await shell('away', hook, given)
    expect([status, stdout]).toEqual([
      1,
      expect.stringMatching(/not ready within 500ms: no staple/),
    ])
    expect(await readdir(at('away', 'etc/nginx/certs'))).toEqual([])
    expect(await readdir(at('away', '.'))).not.toContain('reload.json')
  })
})

/** Notes what it was asked, and all that everstaple manages at that moment. */
function systemctl(url: string, note: string): string {
  const program = `
    const { certificates } = await (await fetch('${url}/v1/certificates')).json()
    const asked = process.argv.slice(2)
    await (await import('node:fs/promises')).writeFile('${note}', JSON.stringify({ asked, certificates }))
  `
  return `#!/bin/sh\nexec ${process.execPath} --input-type=module - "$@" <<'END'\n${program}\nEND\n`
}

/** What `_installcert` of acme.sh does with a certificate: the same variables, folder and `eval`. */
function acmeSh(home: string): string {
  return `#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -d) Le_Domain="$2"; shift ;;
    --key-file) key="$2"; shift ;;
    --fullchain-file) fullchain="$2"; shift ;;
    --reloadcmd) reload="$2"; shift ;;
  esac
  shift
done
CERT_FULLCHAIN_PATH=${home}/fullchain.cer
CERT_PATH=${home}/$Le_Domain.cer
CERT_KEY_PATH=${home}/$Le_Domain.key
CA_CERT_PATH=${home}/ca.cer
cat "$CERT_KEY_PATH" >"$key" || exit 1
cat "$CERT_FULLCHAIN_PATH" >"$fullchain" || exit 1
(
  export CERT_PATH CERT_KEY_PATH CA_CERT_PATH CERT_FULLCHAIN_PATH Le_Domain
  cd ${home} && eval "$reload"
) || { echo "Reload error for: $Le_Domain" >&2; exit 1; }
`
}
