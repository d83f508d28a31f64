import { paint, type Terminal } from '../terminal.ts'
import type { Clients } from './clients.ts'
import { type Count, formatShare } from './tally.ts'

/** The lines of the small table that is shown while clients are at work: how each server does in this act. */
export function shareRows(
  terminal: Terminal,
  { tally, act, problems }: Pick<Clients, 'tally' | 'act' | 'problems'>,
): readonly (readonly string[])[] {
  return tally.servers().map((server) => {
    const count = tally.of(server, act)
    const { stapled, all } = count
    return [
      mark(terminal, count),
      server,
      bar(terminal, count),
      formatShare(count).padStart('100.0 %'.length),
      `${stapled} of ${all}`,
      problems.get(server) ?? '',
    ]
  })
}

function mark(terminal: Terminal, { stapled, all }: Count): string {
  return stapled === all ? paint(terminal, 'green', '✓') : paint(terminal, 'red', '✗')
}

function bar(terminal: Terminal, { stapled, all }: Count): string {
  const full = all === 0 ? 0 : Math.floor((stapled / all) * WIDTH)
  const colour = stapled === all ? 'green' : 'red'
  return (
    paint(terminal, colour, '█'.repeat(full)) + paint(terminal, 'dim', '·'.repeat(WIDTH - full))
  )
}

const WIDTH = 20
