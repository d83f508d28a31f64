import { spawn } from 'node:child_process'
import type { DurationMs } from '../der/time.ts'

/** How a command ended. */
export type CommandResult =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed'
      /** `exit status 1`, `killed by SIGTERM`, `not finished after 30 s`. */
      readonly problem: string
      /** The end of what it wrote, both streams together. */
      readonly output: string
    }

/** What a command is given beside what this process has. */
export interface CommandInput {
  /** Added to the environment; without NUL characters. */
  readonly env?: Readonly<Record<string, string>>
  /** Its standard input. Default: nothing. */
  readonly stdin?: string
}

/**
 * Runs a command line of the operator's by `/bin/sh -c`, in a process group of its own, which is killed when the time is over. Never
 * rejects.
 */
export function runShellCommand(
  command: string,
  timeout: DurationMs,
  { env, stdin = '' }: CommandInput = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    let output = ''
    let isLate = false
    const child = spawn('/bin/sh', ['-c', command], {
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    // A command may end without reading it.
    child.stdin.on('error', () => {}).end(stdin)
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-MAX_OUTPUT_LENGTH)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const late = setTimeout(() => {
      isLate = true
      killGroup(child.pid)
    }, timeout)
    const finish = (problem: string | undefined) => {
      clearTimeout(late)
      clearTimeout(abandon)
      child.stdin.destroy()
      child.stdout.destroy()
      child.stderr.destroy()
      resolve(
        problem === undefined
          ? { kind: 'done' }
          : { kind: 'failed', problem, output: output.trim() },
      )
    }
    let abandon: NodeJS.Timeout | undefined
    child.on('error', (error) => finish(error.message))
    child.on('exit', (status, signal) => {
      const problem = isLate ? `not finished after ${timeout / 1000} s` : problemOf(status, signal)
      child.on('close', () => finish(problem))
      // A daemon that the command started may hold its output open for ever.
      abandon = setTimeout(() => finish(problem), OUTPUT_GRACE_MS)
    })
  })
}

function problemOf(status: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (signal !== null) return `killed by ${signal}`
  return status === 0 ? undefined : `exit status ${status}`
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}

const OUTPUT_GRACE_MS = 500
/** Enough for the complaint of a `configtest`, little enough for a log line. */
const MAX_OUTPUT_LENGTH = 4_096
