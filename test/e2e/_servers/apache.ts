import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { peerPath } from '../_peer.ts'
import { type ServerCertificate, type ServerSetup, startServer, type TestServer } from './server.ts'

/** Apache httpd with one virtual host that has all of the certificates; `lines` stand outside of it. */
export function startApache({
  folder,
  certificates,
  lines,
}: Omit<ServerSetup, 'certificate'> & {
  readonly certificates: readonly ServerCertificate[]
}): Promise<TestServer> {
  const config = join(folder, 'apache.conf')
  const modules = ['mpm_event', 'authz_core', 'socache_shmcb', 'ssl']
  return startServer(async ([port]) => {
    await writeFile(
      config,
      [
        'ServerRoot /usr/lib/apache2',
        'ServerName localhost',
        `DefaultRuntimeDir ${folder}`,
        `PidFile ${join(folder, 'apache.pid')}`,
        `ErrorLog ${join(folder, 'error.log')}`,
        'User nobody',
        'Group nogroup',
        'StartServers 1',
        ...modules.map((name) => `LoadModule ${name}_module modules/mod_${name}.so`),
        `Listen 127.0.0.1:${port}`,
        `DocumentRoot ${folder}`,
        lines,
        `<VirtualHost 127.0.0.1:${port}>`,
        'ServerName www.test',
        'SSLEngine on',
        ...certificates.flatMap(({ chain, key }) => [
          `SSLCertificateFile ${chain}`,
          `SSLCertificateKeyFile ${key}`,
        ]),
        '</VirtualHost>\n',
      ].join('\n'),
    )
    return { path: peerPath('apache2'), args: ['-f', config, '-DFOREGROUND'] }
  })
}
