import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peerPath } from '../_peer.ts'
import { type ServerSetup, startServer, type TestServer } from './server.ts'

/** Caddy with a certificate that it manages itself, found in its storage; `lines` stand in its automation policy. */
export function startCaddy({ folder, certificate, lines }: ServerSetup): Promise<TestServer> {
  const storage = join(folder, 'storage')
  const config = join(folder, 'caddy.json')
  return startServer(async ([port]) => {
    const own = join(storage, 'certificates/local/www.test')
    await mkdir(own, { recursive: true })
    await cp(certificate.chain, join(own, 'www.test.crt'))
    await cp(certificate.key, join(own, 'www.test.key'))
    await writeFile(join(own, 'www.test.json'), '{"sans":["www.test"],"issuer_data":null}')
    await writeFile(config, configText(storage, port ?? 0, lines))
    return {
      path: peerPath('caddy'),
      args: ['run', '--config', config],
      env: { HOME: folder, XDG_CONFIG_HOME: folder },
    }
  })
}

function configText(storage: string, port: number, lines: string): string {
  const server = {
    listen: [`127.0.0.1:${port}`],
    automatic_https: { disable: true },
    tls_connection_policies: [{}],
    routes: [{ handle: [{ handler: 'static_response', body: 'ok' }] }],
  }
  const policy = { subjects: ['www.test'], issuers: [{ module: 'internal' }] }
  return `{
    "admin": { "disabled": true },
    "storage": ${JSON.stringify({ module: 'file_system', root: storage })},
    "apps": {
      "http": { "servers": { "www": ${JSON.stringify(server)} } },
      "pki": { "certificate_authorities": { "local": { "install_trust": false } } },
      "tls": {
        "certificates": { "automate": ["www.test"] },
        "automation": { "policies": [{
          ${JSON.stringify(policy).slice(1, -1)},
          ${lines}
        }] }
      }
    }
  }`
}
