import { chown, mkdir, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { peerPath } from '../_peer.ts'
import { runOk } from '../_program.ts'
import { type ServerCertificate, type ServerSetup, startServer, type TestServer } from './server.ts'

/** Exim that offers STARTTLS. Certificates, keys and staples must be readable for the user that it runs as. */
export function startExim({
  folder,
  certificates,
  lines,
}: Omit<ServerSetup, 'certificate'> & {
  readonly certificates: readonly ServerCertificate[]
}): Promise<TestServer> {
  const config = join(folder, 'exim.conf')
  return startServer(async ([port]) => {
    await ownFolders(folder)
    await writeFile(
      config,
      `local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
spool_directory = ${join(folder, 'spool')}
log_file_path = ${join(folder, 'spool', '%slog')}
primary_hostname = mail.test
keep_environment =
tls_advertise_hosts = *
tls_certificate = ${certificates.map(({ chain }) => chain).join(' : ')}
tls_privatekey = ${certificates.map(({ key }) => key).join(' : ')}
${lines}
`,
    )
    return { path: peerPath('exim4'), args: ['-C', config, '-bdf', '-oX', `127.0.0.1.${port}`] }
  })
}

/** Started by root, it goes on as the user that it was built for. */
async function ownFolders(folder: string): Promise<void> {
  const spool = join(folder, 'spool')
  await mkdir(spool, { recursive: true })
  if (userInfo().uid !== 0) return
  const id = async (flag: string) => Number(await runOk('/usr/bin/id', [flag, 'Debian-exim']))
  await chown(spool, await id('-u'), await id('-g'))
}
