import { apacheProposal } from './apache-proposal.ts'
import type { ServerConfiguration } from './configuration.ts'
import { haproxyProposal } from './haproxy-proposal.ts'
import { nginxProposal } from './nginx-proposal.ts'
import {
  type Proposal,
  type ProposalSetting,
  type ServerProposal,
  stapledIn,
  titles,
  whereOf,
} from './proposed.ts'

/** Decides how the staples reach each server that was found. Pure. */
export function propose(
  configurations: readonly ServerConfiguration[],
  setting: ProposalSetting,
): Proposal {
  const parts = configurations.map((configuration) => partFor(configuration, setting))
  const examined = [...setting.examined.values()]
  return {
    certificates: examined.map(({ path, here, kind, remarks }) => ({
      path: here,
      kind,
      remarks,
      usedBy: usersOf(path, configurations),
    })),
    issuers: [...new Set(examined.flatMap(({ issuers }) => issuers))],
    outputs: parts.flatMap(({ outputs }) => outputs),
    changes: parts.flatMap(({ changes }) => changes),
    problems: configurations.flatMap(({ problems }) => problems),
  }
}

function partFor(configuration: ServerConfiguration, setting: ProposalSetting): ServerProposal {
  const blocks = configuration.blocks.filter((block) => stapledIn(block, setting).length > 0)
  if (blocks.length === 0) return { outputs: [], changes: [] }
  const stapled = { ...configuration, blocks }
  switch (configuration.server) {
    case 'nginx':
      return nginxProposal(stapled, setting)
    case 'apache':
      return apacheProposal(stapled, setting)
    case 'haproxy':
      return haproxyProposal(stapled, setting)
  }
}

function usersOf(path: string, configurations: readonly ServerConfiguration[]): readonly string[] {
  return configurations.flatMap(({ server, blocks }) =>
    blocks
      .filter(({ certificates }) => certificates.includes(path))
      .map((block) => `${titles[server]}, ${whereOf(block)}`),
  )
}
