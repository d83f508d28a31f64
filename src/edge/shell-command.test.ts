import { describe, expect, test } from 'vitest'
import { durationMs } from '../der/time.ts'
import { type CommandResult, runShellCommand } from './shell-command.ts'

const failed = (problem: string, output: string): CommandResult => ({
  kind: 'failed',
  problem,
  output,
})

describe('runShellCommand()', () => {
  test.each<[string, string, CommandResult]>([
    ['a command that succeeds', 'echo fine', { kind: 'done' }],
    ['a failing command', 'echo one; echo two >&2; exit 3', failed('exit status 3', 'one\ntwo')],
    [
      'a command that does not exist',
      'exec no-such-program 2>/dev/null',
      failed('exit status 127', ''),
    ],
    ['a command that is killed', 'kill -TERM $$', failed('killed by SIGTERM', '')],
    ['a daemon that keeps the output open', 'sleep 3 & echo up', { kind: 'done' }],
  ])('reports %s', async (_name, command, result) => {
    expect(await runShellCommand(command, durationMs(10_000))).toEqual(result)
  })

  test('gives the command what it is to read, and variables', async () => {
    const given = { env: { FACT: 'a "b" $c' }, stdin: 'line\n' }
    const result = await runShellCommand('echo "$FACT"; cat; exit 1', durationMs(10_000), given)
    expect(result).toEqual(failed('exit status 1', 'a "b" $c\nline'))
  })

  test('does not mind a command that reads nothing of a lot', async () => {
    const given = { stdin: 'x'.repeat(1_000_000) }
    expect(await runShellCommand('true', durationMs(10_000), given)).toEqual({ kind: 'done' })
  })

  test('kills the command and what it started when the time is over', async () => {
    const result = await runShellCommand('echo begun; sleep 30; true', durationMs(50))
    expect(result).toMatchObject({ kind: 'failed', problem: 'not finished after 0.05 s' })
  })

  test('keeps the end of a long output', async () => {
    const result = await runShellCommand('seq 1 5000; exit 1', durationMs(10_000))
    expect(result.kind === 'failed' && result.output).toMatch(/4999\n5000$/)
    expect(result.kind === 'failed' && result.output.length).toBeLessThanOrEqual(4096)
  })
})
