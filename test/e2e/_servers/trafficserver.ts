import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { peerPath } from '../_peer.ts'
import { type ServerSetup, startServer, type TestServer } from './server.ts'

/** Apache Traffic Server, by its manager; `lines` are for records.config, `certificateLine` goes to the certificate's. */
export function startTrafficServer({
  folder,
  certificate: { chain, key },
  lines,
  certificateLine,
}: ServerSetup & { readonly certificateLine: string }): Promise<TestServer> {
  const at = (name: string) => join(folder, name)
  return startServer(async ([port]) => {
    for (const name of ['run', 'log', 'cache']) await mkdir(at(name), { recursive: true })
    await cp('/etc/trafficserver', at('etc'), { recursive: true })
    await writeFile(at('runroot.yaml'), stringify(layout(folder)))
    // With 8M, 9.2.5 ends by SIGSEGV.
    await writeFile(at('etc/storage.config'), `${at('cache')} 64M\n`)
    await writeFile(
      at('etc/ssl_multicert.config'),
      `dest_ip=* ssl_cert_name=${chain} ssl_key_name=${key} ${certificateLine}\n`,
    )
    await writeFile(
      at('etc/records.config'),
      `CONFIG proxy.config.http.server_ports STRING ${port}:ssl
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 1
CONFIG proxy.config.config_update_interval_ms INT 200
${lines}
`,
    )
    return { path: peerPath('traffic_manager'), args: [], env: environment(folder) }
  })
}

/** What an operator has everstaple run, for the one in this folder, once it runs. */
export function trafficServerReload(folder: string): string {
  const [[name, value] = []] = Object.entries(environment(folder))
  const reload = `${name}=${value} ${peerPath('traffic_ctl')} config reload`
  const config = join(folder, 'etc/ssl_multicert.config')
  return `test ! -e ${config} || (touch ${config} && ${reload})`
}

function environment(folder: string): Readonly<Record<string, string>> {
  return { TS_RUNROOT: join(folder, 'runroot.yaml') }
}

function layout(folder: string): Readonly<Record<string, string>> {
  const own = { sysconfdir: 'etc', localstatedir: 'run', runtimedir: 'run', logdir: 'log' }
  return {
    prefix: folder,
    exec_prefix: '/usr',
    bindir: '/usr/bin',
    sbindir: '/usr/sbin',
    libdir: '/usr/lib/trafficserver',
    libexecdir: '/usr/lib/trafficserver/modules',
    includedir: '/usr/include',
    datadir: join(folder, 'cache'),
    cachedir: join(folder, 'cache'),
    ...Object.fromEntries(Object.entries(own).map(([name, path]) => [name, join(folder, path)])),
  }
}
