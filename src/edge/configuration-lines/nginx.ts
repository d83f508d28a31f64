import {
  bySameNames,
  type ConfigurationLines,
  type LinesInput,
  quoted,
  staplePath,
} from './configuration-lines.ts'
import { endpointLines, outputLines } from './everstaple-lines.ts'

/**
 * A file for each certificate: it is there before the first handshake. nginx has one file for all certificates of a server block, so where
 * an RSA and an ECDSA certificate stand side by side it is told to ask the endpoint.
 */
export function nginxLines(input: LinesInput): ConfigurationLines {
  const { certificates, endpoint, listen, configured } = input
  const { file = '{source}.nginx.ocsp' } = configured
  const groups = bySameNames(certificates).map((group) => {
    const [first, ...others] = group
    if (first === undefined || others.length > 0) {
      const files = group.map((each) => each.file).join(' and ')
      return {
        place: `server block of ${first?.name}, which has ${files}`,
        lines: ['ssl_stapling on;', `ssl_stapling_responder ${endpoint};`],
        way: 'endpoint',
      }
    }
    return {
      place: `server block of ${first.name}, which has ${first.file}`,
      lines: ['ssl_stapling on;', `ssl_stapling_file ${quoted(staplePath(file, first))};`],
      way: 'file',
    }
  })
  const ways = new Set(groups.map(({ way }) => way))
  return {
    server: groups.map(({ place, lines }) => ({ place, lines })),
    everstaple: [
      ...(ways.has('endpoint') ? endpointLines({ endpoint, listen }) : []),
      ...(ways.has('file') ? outputLines({ ...OUTPUT, file, ...configured }) : []),
    ],
  }
}

const OUTPUT = { server: 'nginx', test: 'nginx -t', reload: 'nginx -s reload' }
