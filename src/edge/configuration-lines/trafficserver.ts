import { type ConfigurationLines, type LinesInput, staplePath } from './configuration-lines.ts'
import { outputLines } from './everstaple-lines.ts'

/** A file for each certificate, read when ssl_multicert.config is, which it is only after a change. */
export function trafficserverLines(input: LinesInput): ConfigurationLines {
  const { certificates, configured } = input
  const { file = '{source}.trafficserver.ocsp' } = configured
  return {
    server: [
      { place: 'records.config', lines: ['CONFIG proxy.config.ssl.ocsp.enabled INT 1'] },
      ...certificates.map((certificate) => ({
        place: `ssl_multicert.config, on the line with ssl_cert_name=${certificate.file}`,
        lines: [`ssl_ocsp_name=${staplePath(file, certificate)}`],
      })),
    ],
    everstaple: outputLines({
      server: 'trafficserver',
      file,
      reload: 'touch /etc/trafficserver/ssl_multicert.config && traffic_ctl config reload',
      ...configured,
    }),
  }
}
