import { columns } from '../terminal.ts'
import { CA_AWAY } from './acts.ts'
import type { Story } from './story.ts'
import { formatCount, formatShare, type Tally } from './tally.ts'

/** Says what the problem is, and what will be shown. */
export function introduce(story: Story): void {
  story.chapter(
    'everstaple demo: a CA, everstaple, TLS servers and their clients, all on this machine',
    'The problem: has this certificate been revoked? A TLS server can answer within the handshake, with a',
    'statement signed by the CA and valid for some days: the staple (OCSP stapling). But CAs have outages, and',
    'servers left to themselves fetch late, forget staples in a restart, or pass on what clients refuse.',
    'For visitors of a site with a must-staple certificate that means an error page.',
    'everstaple fetches early, verifies as clients do, keeps what it has, and hands it to your TLS servers.',
  )
}

/** Closes with all that was counted, and what to do next. */
export function conclude(story: Story, tally: Tally): void {
  if (tally.total('everstaple').all === 0) story.chapter('Ended before the first handshake.')
  else {
    story.chapter('Summary: handshakes with a staple, of all', ...columns(tally.table()), '')
    tellTotals(story, tally)
  }
  story.chapter(
    'Try next',
    ...columns([
      ['npm start -- --certificates DIR', 'this for your own certificates: a folder of PEM files'],
      ['node dist/cli/main.js fetch CERT.pem', 'one staple now, and what there is to say about it'],
      ['node dist/cli/main.js --help', 'all commands'],
    ]),
  )
}

function tellTotals(story: Story, tally: Tally): void {
  const total = tally.total('everstaple')
  const away = tally.acts.includes(CA_AWAY) ? ', also while the CA was away' : ''
  if (total.stapled === total.all) {
    story.good(
      `with everstaple every handshake was stapled: ${total.stapled} of ${total.all}${away}`,
    )
  } else {
    story.bad(`with everstaple not every handshake was stapled: ${total.stapled} of ${total.all}`)
  }
  for (const server of tally.servers('itself')) {
    const count = tally.of(server)
    const text = `${server}, with the same CA and the same restarts: ${formatShare(count)}, ${formatCount(count)}`
    if (count.stapled === count.all) story.good(text)
    else story.bad(text)
  }
}
