import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peerPath } from './_peer.ts'
import { runOk } from './_program.ts'

/** How a key is made. */
export type KeyKind = 'rsa' | 'ecdsa'

/** A certificate with its key, as paths of PEM files. */
export interface OpensslCertificate {
  readonly certificate: string
  readonly key: string
}

/** A certificate of a server. */
export interface OpensslLeaf extends OpensslCertificate {
  /** The certificate and its issuer, as servers send them: `curl --cert-status` fails unless the issuer is among them. */
  readonly chain: string
  /** Lower-case hex. */
  readonly serial: string
}

/** What a leaf is made from. */
export interface LeafOptions {
  /** Also the name of its files. */
  readonly name: string
  readonly key?: KeyKind
  /** For the authority information access extension; without it, there is none. */
  readonly ocspUrl?: string
  readonly mustStaple?: boolean
}

/** A CA that the openssl command runs, so that not both sides of a test are ours. */
export interface OpensslCa {
  readonly folder: string
  /** What clients trust. */
  readonly root: string
  /** What signs leaves: an intermediate under the root. */
  readonly issuer: OpensslCertificate
  /** The database that `openssl ocsp -index` answers from. It is read once: start the responder again after changes. */
  readonly index: string
  issue(options: LeafOptions): Promise<OpensslLeaf>
  /** A delegated signer (RFC 6960 §4.2.2.2), with nocheck. */
  issueSigner(name: string, key?: KeyKind): Promise<OpensslCertificate>
  /** Marks a leaf as revoked a minute ago. */
  revoke(leaf: OpensslLeaf): Promise<void>
}

/** Makes a root, an intermediate and an empty index in a folder of their own, `ca` in `parent`. */
export async function createOpensslCa(parent: string, key: KeyKind = 'rsa'): Promise<OpensslCa> {
  const folder = join(parent, 'ca')
  await mkdir(folder)
  const root = await selfSigned(folder)
  const issuer = await signed(folder, {
    name: 'issuer',
    key,
    by: root,
    serial: newSerial(),
    extensions: ['basicConstraints=critical,CA:true', 'keyUsage=critical,keyCertSign,cRLSign'],
  })
  const index = join(folder, 'index.txt')
  await writeFile(index, '')
  return {
    folder,
    root: root.certificate,
    issuer,
    index,
    async issue({ name, key, ocspUrl, mustStaple }) {
      const serial = newSerial()
      const leaf = await signed(folder, {
        name,
        key: key ?? 'rsa',
        by: issuer,
        serial,
        extensions: [
          'basicConstraints=critical,CA:false',
          'extendedKeyUsage=serverAuth',
          `subjectAltName=DNS:${name},DNS:localhost`,
          ...(ocspUrl === undefined ? [] : [`authorityInfoAccess=OCSP;URI:${ocspUrl}`]),
          ...(mustStaple === true ? ['tlsfeature=status_request'] : []),
        ],
      })
      const chain = join(folder, `${name}.chain.pem`)
      const parts = [leaf.certificate, issuer.certificate].map((path) => readFile(path, 'utf8'))
      await writeFile(chain, (await Promise.all(parts)).join(''))
      const line = ['V', indexTime(LEAF_DAYS * DAY_SECONDS), '', serial.toUpperCase(), 'unknown']
      // openssl wants subjects to be unique, and ends otherwise; it looks at nothing else of them.
      await writeFile(index, `${[...line, `/CN=${serial}`].join('\t')}\n`, { flag: 'a' })
      return { ...leaf, chain, serial }
    },
    issueSigner: (name, key = 'rsa') =>
      signed(folder, {
        name,
        key,
        by: issuer,
        serial: newSerial(),
        extensions: ['extendedKeyUsage=OCSPSigning', 'noCheck=NULL', 'keyUsage=digitalSignature'],
      }),
    async revoke({ serial }) {
      const lines = (await readFile(index, 'utf8')).split('\n').map((line) => {
        const fields = line.split('\t')
        if (fields[3] !== serial.toUpperCase()) return line
        return ['R', fields[1], indexTime(-60), ...fields.slice(3)].join('\t')
      })
      await writeFile(index, lines.join('\n'))
    },
  }
}

async function selfSigned(folder: string): Promise<OpensslCertificate> {
  const files = filesOf(folder, 'root')
  await openssl([
    ...['req', '-x509', '-config', '/dev/null', '-subj', '/CN=everstaple test root', '-nodes'],
    ...[...keyArgs('ecdsa'), '-keyout', files.key, '-out', files.certificate, '-days', '30'],
    ...['-addext', 'basicConstraints=critical,CA:true'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ...['-addext', 'subjectKeyIdentifier=hash'],
  ])
  return files
}

interface SignedOptions {
  readonly name: string
  readonly key: KeyKind
  readonly by: OpensslCertificate
  readonly serial: string
  readonly extensions: readonly string[]
}

async function signed(folder: string, options: SignedOptions): Promise<OpensslCertificate> {
  const { name, key, by, serial, extensions } = options
  const files = filesOf(folder, name)
  const request = join(folder, `${name}.csr`)
  const config = join(folder, `${name}.cnf`)
  const identifiers = ['subjectKeyIdentifier=hash', 'authorityKeyIdentifier=keyid']
  await writeFile(config, `${[...extensions, ...identifiers].join('\n')}\n`)
  await openssl([
    ...['req', '-new', '-config', '/dev/null', '-subj', `/CN=${name}`, '-nodes'],
    ...[...keyArgs(key), '-keyout', files.key, '-out', request],
  ])
  await openssl([
    ...['x509', '-req', '-in', request, '-out', files.certificate, '-days', String(LEAF_DAYS)],
    ...['-CA', by.certificate, '-CAkey', by.key, '-set_serial', `0x${serial}`, '-extfile', config],
  ])
  return files
}

function filesOf(folder: string, name: string): OpensslCertificate {
  return { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
}

function openssl(args: readonly string[]): Promise<string> {
  return runOk(peerPath('openssl'), args)
}

function keyArgs(kind: KeyKind): readonly string[] {
  if (kind === 'rsa') return ['-newkey', 'rsa:2048']
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
}

/** Positive, and without a zero octet in front. */
function newSerial(): string {
  return `4${randomBytes(10).toString('hex').slice(1)}`
}

/** The time that many seconds from now as index.txt has it: `261231235959Z`. */
function indexTime(seconds: number): string {
  const text = new Date(Date.now() + seconds * 1000).toISOString()
  return `${text.slice(2, 19).replace(/[-:T]/g, '')}Z`
}

const LEAF_DAYS = 20
const DAY_SECONDS = 86_400
