import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'

/** What a program that has ended left behind. */
export interface ProgramResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, with nothing to read. Resolves whatever its exit status is. */
export function runProgram(
  path: string,
  args: readonly string[],
  cwd?: string,
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(path, args, { cwd, timeout: RUN_MS }, (error, stdout, stderr) => {
      const status = error === null ? 0 : error.code
      if (typeof status === 'number') resolve({ status, stdout, stderr })
      else reject(error)
    })
    child.stdin?.end()
  })
}

/** As {@link runProgram}, but rejects unless the program ends well. Gives what it wrote to standard output. */
export async function runOk(path: string, args: readonly string[], cwd?: string): Promise<string> {
  const { status, stdout, stderr } = await runProgram(path, args, cwd)
  if (status === 0) return stdout
  throw new Error(`${path} ${args.join(' ')}: exit status ${status}\n${stderr}${stdout}`)
}

/** A program that runs until it is stopped. */
export interface RunningProgram extends AsyncDisposable {
  readonly pid: number
  /** What its readiness was told with. */
  readonly ready: RegExpExecArray
  /** Whether it has not ended. */
  runs(): boolean
  /** All that it has written so far, both streams together. */
  output(): string
  /**
   * Resolves when it has written what matches; rejects when it ends before, or takes too long. Only what comes after the first
   * `skipped` characters of the output counts.
   */
  wrote(pattern: RegExp, skipped?: number): Promise<RegExpExecArray>
  /** Ends it, by SIGTERM unless told otherwise, and gives its exit status: `null` where the signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** How a program is started. */
export interface ProgramOptions {
  readonly path: string
  readonly args: readonly string[]
  /** It is ready once it has written what matches. Default: at once. */
  readonly ready?: RegExp
  /** Over those of the tests. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts a program and waits until it says that it is ready. */
export async function startProgram(options: ProgramOptions): Promise<RunningProgram> {
  const { path, args, ready = /^/, env } = options
  const child = spawn(path, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const killed = () => child.kill('SIGKILL')
  process.once('exit', killed)
  const ended = once(child, 'close')
  ended.catch(() => {}).finally(() => process.off('exit', killed))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const wrote = (pattern: RegExp, skipped = 0) =>
    awaitOutput(child, pattern, () => output.slice(skipped))
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await ended
    return child.exitCode
  }
  try {
    return {
      ready: await wrote(ready),
      pid: child.pid ?? 0,
      runs: () => child.exitCode === null && child.signalCode === null,
      output: () => output,
      wrote,
      stop,
      [Symbol.asyncDispose]: async () => {
        await stop()
      },
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
}

function awaitOutput(child: ChildProcess, pattern: RegExp, output: () => string) {
  return new Promise<RegExpExecArray>((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(late)
      for (const stream of [child.stdout, child.stderr]) stream?.off('data', look)
      child.off('close', ended).off('error', reject)
      finish()
    }
    const refuse = (why: string) =>
      settle(() => reject(new Error(`${child.spawnfile} ${why}, without ${pattern}:\n${output()}`)))
    const look = () => {
      const match = pattern.exec(output())
      if (match !== null) settle(() => resolve(match))
    }
    const ended = () => refuse('ended')
    const late = setTimeout(() => refuse('took too long'), READY_MS)
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', look)
    child.on('close', ended).on('error', reject)
    look()
  })
}

const RUN_MS = 30_000
const READY_MS = 20_000
