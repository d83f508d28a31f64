import { stringify } from 'yaml'
import { type EpochMs, iso } from '../../der/time.ts'
import { type Proposal, type ProposedCertificate, type ServerChange, titles } from './proposed.ts'

/** What the text says besides the proposal. */
export interface ProposalTextOptions {
  readonly madeAt: EpochMs
  /** `HOST:PORT` of the OCSP endpoint. */
  readonly listen: string
  /** The name of the file that the text is for, as the comments have it. */
  readonly file: string
}

/** A proposal as a configuration file: YAML that everstaple takes as it is, with all reasons as comments. Pure. */
export function proposalText(proposal: Proposal, options: ProposalTextOptions): string {
  const { certificates, issuers, outputs, changes, problems } = proposal
  const listed = certificates.filter(({ kind }) => kind === 'staple')
  const others = certificates.filter(({ kind }) => kind !== 'staple')
  const lines = [
    ...comment('', `Made by \`everstaple discover\` at ${iso(options.madeAt)}. Read it, then:`),
    ...comment('  ', `1. everstaple run --config ${options.file}`),
    ...(changes.length === 0
      ? []
      : comment('  ', '2. change the configuration of your servers as it says at the end')),
    ...(problems.length === 0 ? [] : ['#', '# Not read:']),
    ...problems.flatMap(({ path, problem }) => comment('  ', `${path}: ${problem}`)),
    '',
    '# What the servers use. All of it is watched; a folder, such as /etc/letsencrypt/live, also takes in what comes new.',
    listed.length === 0 ? 'certificates: []' : 'certificates:',
    ...listed.flatMap((each) => [...certificateComments(each), `  - ${scalar(each.path)}`]),
    ...(issuers.length === 0 ? [] : comment('', 'Issuers that stand in files of their own.', '  ')),
    ...issuers.map((path) => `  - ${scalar(path)}`),
    ...others.flatMap((each) => [
      ...certificateComments(each),
      ...comment('', `- ${scalar(each.path)}`, '  '),
    ]),
    '',
    '# Where servers ask for staples.',
    `listen: ${scalar(options.listen)}`,
    '',
    ...(outputs.some(({ keys }) => 'certificates' in keys)
      ? [
          '# Where certificates are listed, the output gets these only: add there what you add above.',
        ]
      : []),
    outputs.length === 0 ? 'outputs: []' : 'outputs:',
    ...outputs.flatMap(({ server, why, keys }) => [
      ...why.flatMap((each) => comment('', each, '  ')),
      `  - server: ${server}`,
      ...Object.entries(keys).flatMap(([key, value]) => keyLines(key, value)),
    ]),
    ...(changes.length === 0 ? [] : ['', ...changeComments(changes, options.file)]),
  ]
  return `${lines.join('\n')}\n`
}

function certificateComments({ kind, remarks, usedBy }: ProposedCertificate): readonly string[] {
  const more = usedBy.length - MAX_USERS
  return [
    ...usedBy.slice(0, MAX_USERS).flatMap((each) => comment('', each, '  ')),
    ...(more > 0 ? comment('', `and ${more} more`, '  ') : []),
    ...remarks.flatMap((each) =>
      comment('  ', kind === 'unreadable' ? `cannot be used now: ${each}` : each, '  '),
    ),
  ]
}

function changeComments(changes: readonly ServerChange[], file: string): readonly string[] {
  const servers = [...new Set(changes.map(({ server }) => server))]
  const commands = servers.map((server) => `\`everstaple outputs ${server} --config ${file}\``)
  return [
    '# In the configuration of your servers, when everstaple runs and its files are there:',
    ...comment(
      '',
      `(${commands.join(', ')} prints lines for all of its certificates at any time.)`,
    ),
    ...changes.flatMap(({ server, where, lines, instead, remarks }) => [
      '#',
      ...comment('', `${titles[server]}, ${where}:`),
      ...lines.flatMap((line) => comment('    ', line)),
      ...instead.flatMap(({ file: at, line, text }) =>
        comment('  ', `take out ${at}:${line} \`${text}\``),
      ),
      ...remarks.flatMap((remark) => comment('  ', `(${remark})`)),
    ]),
  ]
}

/** A line of comment, in which nothing from outside can begin another line. */
function comment(indent: string, text: string, before = ''): readonly string[] {
  return [`${before}# ${indent}${text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_C}]+/gu, ' ')}`]
}

function keyLines(key: string, value: string | readonly string[]): readonly string[] {
  if (typeof value === 'string') return [`    ${key}: ${scalar(value)}`]
  return [`    ${key}:`, ...value.map((each) => `      - ${scalar(each)}`)]
}

/** A string as YAML, on one line. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0, blockQuote: false }).trimEnd()
}

const MAX_USERS = 5
