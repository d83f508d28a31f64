import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { durationMs, SECOND_MS } from '../../src/der/time.ts'
import type { LabCertificate } from '../../src/lab/ca.ts'
import { type Responder, startResponder } from '../../src/lab/responder.ts'
import { parseCertificate } from '../../src/x509/certificate.ts'
import { certificatesInPem } from '../../src/x509/pem.ts'
import { peerPath } from './_peer.ts'
import { freePorts } from './_ports.ts'
import { runOk, startProgram } from './_program.ts'

/** Pebble, a small ACME server, which believes every challenge, and the OCSP responder that its certificates name. */
export interface Pebble extends AsyncDisposable {
  /** The URL of its directory. */
  readonly directory: string
  /** What its clients trust: the certificate of its HTTPS server. */
  readonly trust: string
  /** What signs its certificates. */
  readonly issuer: LabCertificate
  readonly responder: Responder
}

/** Starts both on free ports, with files in `pebble` in `parent`. */
export async function startPebble(parent: string): Promise<Pebble> {
  const folder = join(parent, 'pebble')
  await mkdir(folder)
  const [port = 0, managementPort = 0, responderPort = 0] = await freePorts(3)
  const trust = await serverCertificate(folder)
  const config = join(folder, 'pebble.json')
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: trust,
    privateKey: join(folder, 'key.pem'),
    httpPort: 1,
    tlsPort: 1,
    ocspResponderURL: `http://127.0.0.1:${responderPort}`,
  }
  await writeFile(config, JSON.stringify({ pebble }))
  const program = await startProgram({
    path: peerPath('pebble'),
    args: ['-config', config],
    env: { PEBBLE_VA_ALWAYS_VALID: '1', PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
    ready: /ACME directory available/,
  })
  const ca = await readFile(trust)
  const managed = (path: string) => download(`https://127.0.0.1:${managementPort}/${path}`, ca)
  const issuer = labCertificate(
    await managed('intermediates/0'),
    await managed('intermediate-keys/0'),
  )
  // Its certificates are valid from the very second on, and no response may be older than that.
  const renewEvery = durationMs(SECOND_MS)
  const responder = await startResponder({ issuer, port: responderPort, renewEvery })
  return {
    directory: `https://127.0.0.1:${port}/dir`,
    trust,
    issuer,
    responder,
    async [Symbol.asyncDispose]() {
      await responder[Symbol.asyncDispose]()
      await program[Symbol.asyncDispose]()
    },
  }
}

async function serverCertificate(folder: string): Promise<string> {
  const path = join(folder, 'cert.pem')
  await runOk(peerPath('openssl'), [
    ...['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    ...['-keyout', join(folder, 'key.pem'), '-out', path, '-days', '2', '-subj', '/CN=pebble'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ])
  return path
}

/** Pebble gives its keys away, as nobody should trust it. */
function labCertificate(pem: string, keyPem: string): LabCertificate {
  const [first] = certificatesInPem(pem).certificates
  const certificate = first && parseCertificate(first.der)
  if (certificate === undefined || 'kind' in certificate) throw new Error(`no certificate: ${pem}`)
  return { der: certificate.der, pem, certificate, key: createPrivateKey(keyPem), keyPem }
}

async function download(url: string, ca: Buffer): Promise<string> {
  const [response] = await once(request(url, { ca }).end(), 'response')
  if (!(response instanceof IncomingMessage)) throw new Error(`${url}: no answer`)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
