import { apacheLines } from '../configuration-lines/apache.ts'
import type { ServedCertificate } from '../configuration-lines/configuration-lines.ts'
import type { ServerConfiguration } from './configuration.ts'
import { type ProposalSetting, type ServerProposal, stapledIn } from './proposed.ts'

/** Apache httpd has no directive for files, so it asks the OCSP endpoint. */
export function apacheProposal(
  { files, blocks, stapling }: ServerConfiguration,
  setting: ProposalSetting,
): ServerProposal {
  const [main = ''] = files
  const served = new Map<string, ServedCertificate>()
  for (const { certificates } of blocks.flatMap((block) => stapledIn(block, setting))) {
    for (const each of certificates) served.set(each.id, each)
  }
  const { endpoint } = setting
  const lines = apacheLines({ certificates: [...served.values()], endpoint, configured: {} })
  const changes = lines.server.map((placed) => ({
    server: 'apache' as const,
    where: `${main}: ${placed.place}`,
    lines: placed.lines,
    instead: [...stapling, ...blocks.flatMap((block) => block.stapling)],
    remarks: ['it has no directive for files, so it asks everstaple, and needs no output'],
  }))
  return { outputs: [], changes }
}
