import type { ServerConfiguration } from './configuration.ts'
import { ownCertificates, type ProposalSetting, type ServerProposal } from './proposed.ts'

/** A file beside each certificate for HAProxy's start, and its runtime socket from then on; where it has none, it is reloaded. */
export function haproxyProposal(
  { files, sockets, blocks }: ServerConfiguration,
  setting: ProposalSetting,
): ServerProposal {
  const [main = ''] = files
  const socket = sockets.find(({ level }) => level === 'admin') ?? sockets[0]
  const remarks = [RELOAD_ONCE]
  if (socket !== undefined && socket.level !== 'admin') {
    const { address, level } = socket
    remarks.push(`its socket ${address} has level ${level}; HAProxy 3.3 and later want admin`)
  }
  const newer =
    socket === undefined
      ? 'It is reloaded for newer ones, as it has no runtime socket (stats socket).'
      : 'Newer ones go to its runtime socket, without a reload.'
  const keys = {
    ...ownCertificates(blocks, setting),
    file: '{source}.ocsp',
    ...(socket === undefined
      ? reloadKeys(files, setting)
      : { socket: socketHere(socket.address, setting) }),
  }
  return {
    outputs: [{ server: 'haproxy', why: [AT_START, newer], keys }],
    changes: [{ server: 'haproxy', where: main, lines: [], instead: [], remarks }],
  }
}

function socketHere(address: string, { here }: ProposalSetting): string {
  return address.startsWith('/') ? here(address) : address
}

function reloadKeys(files: readonly string[], { here }: ProposalSetting): Record<string, string> {
  const [main = ''] = files
  const configurations = files.filter((file) => file.endsWith('.cfg'))
  const test = `haproxy -c -q ${configurations.map((file) => `-f ${here(file)}`).join(' ')}`
  // Elsewhere than in `/` it is not the service manager's: what its reload does is done to the process.
  const reload =
    here(main) === main ? 'systemctl reload haproxy' : `kill -USR2 $(cat ${here(PID_FILE)})`
  return { test, reload }
}

const AT_START = 'HAProxy takes FILE.ocsp beside each certificate when it starts.'
const RELOAD_ONCE =
  'nothing to paste: reload HAProxy once when everstaple has made the .ocsp files, as it looks for them at its start only'
/** As the units of Debian and Red Hat have it. */
const PID_FILE = '/run/haproxy.pid'
