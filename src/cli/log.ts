import { pino } from 'pino'
import { iso } from '../der/time.ts'
import type { Log } from '../events.ts'
import type { Clock } from '../time/clock.ts'
import { oneLine, paint, type Terminal } from './terminal.ts'

/** Log lines for people: time, a mark for what needs attention, the message. */
export function textLog(terminal: Terminal, clock: Pick<Clock, 'now'>): Log {
  return (level, message) => {
    const time = paint(terminal, 'dim', iso(clock.now()).replace(/\.\d+Z$/, 'Z'))
    const mark = level === 'info' ? '' : `${paint(terminal, styles[level], level)}: `
    terminal.out(`${time}  ${mark}${oneLine(message)}`)
  }
}

/** Log lines for machines: one JSON object a line, on standard output. */
export function jsonLog(): Log {
  const logger = pino({
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  })
  return (level, message, fields) => logger[level](fields, message)
}

const styles = { warn: 'yellow', error: 'red' } as const
