import type { ServerConfiguration } from './configuration.ts'
import type { ProposalSetting, ProposedOutput, ServerProposal } from './proposed.ts'

/**
 * A file beside each certificate for HAProxy's start, and its runtime socket from then on. Every output gets all certificates, and HAProxy
 * refuses those that are not its own, so where there are others it is reloaded instead.
 */
export function haproxyProposal(
  configuration: ServerConfiguration,
  setting: ProposalSetting,
): ServerProposal {
  const { files, sockets } = configuration
  const [main = ''] = files
  const socket = sockets.find(({ level }) => level === 'admin') ?? sockets[0]
  const remarks = [RELOAD_ONCE]
  if (socket !== undefined && isAlone(configuration, setting)) {
    if (socket.level !== 'admin') {
      const { address, level } = socket
      remarks.push(`its socket ${address} has level ${level}; HAProxy 3.3 and later want admin`)
    }
    const address = socket.address.startsWith('/') ? setting.here(socket.address) : socket.address
    const output = outputWith('Newer ones go to its runtime socket, without a reload.', {
      socket: address,
    })
    return { outputs: [output], changes: [changeOf(main, remarks)] }
  }
  const why =
    socket === undefined
      ? 'It is reloaded for newer ones, as it has no runtime socket (stats socket).'
      : 'It is reloaded for newer ones: its runtime socket would refuse the certificates of the other servers.'
  return {
    outputs: [outputWith(why, reloadKeys(files, setting))],
    changes: [changeOf(main, remarks)],
  }
}

/** Whether HAProxy uses all certificates that there are. */
function isAlone({ blocks }: ServerConfiguration, { examined }: ProposalSetting): boolean {
  const own = new Set(blocks.flatMap(({ certificates }) => certificates))
  return [...examined.values()].every(({ path, kind }) => kind !== 'staple' || own.has(path))
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

function outputWith(why: string, keys: Record<string, string>): ProposedOutput {
  const start = 'HAProxy takes FILE.ocsp beside each certificate when it starts.'
  return { server: 'haproxy', why: [start, why], keys: { file: '{source}.ocsp', ...keys } }
}

function changeOf(where: string, remarks: readonly string[]): ServerProposal['changes'][number] {
  return { server: 'haproxy', where, lines: [], instead: [], remarks }
}

const RELOAD_ONCE =
  'nothing to paste: reload HAProxy once when everstaple has made the .ocsp files, as it looks for them at its start only'
/** As the units of Debian and Red Hat have it. */
const PID_FILE = '/run/haproxy.pid'
