import {
  bySameNames,
  type ConfigurationLines,
  type LinesInput,
  quoted,
  staplePath,
} from './configuration-lines.ts'
import { outputLines } from './everstaple-lines.ts'

/** A file for each certificate, read again by a command on dnsdist's console. */
export function dnsdistLines(input: LinesInput): ConfigurationLines {
  const { certificates, configured } = input
  const { file = '{source}.dnsdist.ocsp' } = configured
  return {
    server: [
      { place: 'before the listeners', lines: STAPLES },
      {
        place: 'once, with setKey() of what makeKey() on the console prints, for the reload',
        lines: ['controlSocket("127.0.0.1:5199")'],
      },
      ...bySameNames(certificates).map((group) => ({
        place: `options of addTLSLocal or addDOHLocal with ${group.map((each) => each.file).join(' and then ')}`,
        lines: [
          `ocspResponses = staples({ ${group.map((each) => quoted(staplePath(file, each))).join(', ')} })`,
        ],
      })),
    ],
    everstaple: outputLines({
      server: 'dnsdist',
      file,
      test: 'dnsdist --check-config',
      reload: "dnsdist -e 'reloadAllCertificates()'",
      ...configured,
    }),
  }
}

/** dnsdist does not start without a file that it was told of; one that is missing would shift the others. */
const STAPLES = [
  'function staples(files)',
  '  for _, path in ipairs(files) do',
  '    local file = io.open(path)',
  '    if file == nil then return {} end',
  '    file:close()',
  '  end',
  '  return files',
  'end',
]
