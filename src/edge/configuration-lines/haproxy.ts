import type { ConfigurationLines, LinesInput } from './configuration-lines.ts'
import { outputLines } from './everstaple-lines.ts'

/** A file beside each certificate, which HAProxy looks for by itself when it starts, and the runtime socket from then on. */
export function haproxyLines({ certificates, configured }: LinesInput): ConfigurationLines {
  // Where Debian's configuration has it.
  const { socket = '/run/haproxy/admin.sock' } = configured
  return {
    server: [
      { place: 'global', lines: [`stats socket ${socket} mode 660 level admin`] },
      ...certificates.map(({ name, file }) => ({
        place: `bind line of ${name}; its key is in the same file, or in ${file}.key`,
        lines: [`ssl crt ${file.replace(/[\\ #"'$]/g, '\\$&')}`],
      })),
    ],
    everstaple: outputLines({
      server: 'haproxy',
      file: '{source}.ocsp',
      socket,
      // Run only to take a staple back, which the socket cannot.
      test: 'haproxy -c -q -f /etc/haproxy/haproxy.cfg',
      reload: 'systemctl reload haproxy',
      ...configured,
    }),
  }
}
