import { quoted } from '../configuration-lines/configuration-lines.ts'
import type { ServerConfiguration, TlsBlock } from './configuration.ts'
import {
  ownCertificates,
  type ProposalSetting,
  type ServerChange,
  type ServerProposal,
  stapledIn,
  whereOf,
} from './proposed.ts'

/** A file where a server block has one certificate; where it has several, nginx asks the OCSP endpoint. */
export function nginxProposal(
  { files, blocks }: ServerConfiguration,
  setting: ProposalSetting,
): ServerProposal {
  const [main = ''] = files
  const { here } = setting
  const command = here(main) === main ? 'nginx' : `nginx -c ${here(main)}`
  const why =
    'nginx reads the file of ssl_stapling_file when it starts or reloads, and staples it from the first handshake on.'
  const isFileUsed = blocks.some(({ certificates }) => certificates.length === 1)
  const keys = {
    ...ownCertificates(blocks, setting),
    file: `{source}${SUFFIX}`,
    test: `${command} -t -q`,
    reload: `${command} -s reload`,
  }
  return {
    outputs: isFileUsed ? [{ server: 'nginx', why: [why], keys }] : [],
    changes: blocks.map((block) => changeOf(block, setting)),
  }
}

function changeOf(block: TlsBlock, setting: ProposalSetting): ServerChange {
  const { certificates, stapling: instead } = block
  const place = { server: 'nginx', where: whereOf(block), instead } as const
  const [certificate, ...others] = certificates
  if (certificate !== undefined && others.length === 0) {
    const line = `ssl_stapling_file ${quoted(certificate + SUFFIX)};`
    return { ...place, lines: ['ssl_stapling on;', line], remarks: [] }
  }
  const strict = new Set(stapledIn(block, setting).flatMap(({ mustStaple }) => mustStaple))
  const remarks = [
    `it has ${certificates.length} certificates, and nginx would give ssl_stapling_file with each of them: so it asks everstaple instead`,
    'the first connections after each start of nginx have no staple that way',
  ]
  if (strict.size > 0) {
    const names = [...strict].join(', ')
    remarks.push(`${names} is must-staple: give each certificate a server block of its own`)
  }
  const line = `ssl_stapling_responder ${setting.endpoint};`
  return { ...place, lines: ['ssl_stapling on;', line], remarks }
}

/** Not `.ocsp` alone, which is HAProxy's where both servers use a certificate. */
const SUFFIX = '.nginx.ocsp'
