import type { ExitStatus, Terminal } from './terminal.ts'

/** Being written. */
export function demoCommand(
  _options: { readonly for?: string },
  _terminal: Terminal,
): Promise<ExitStatus> {
  return Promise.reject(new Error('being written'))
}
