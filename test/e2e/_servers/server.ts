import { accepting, onFreePorts } from '../_ports.ts'
import { type ProgramOptions, type RunningProgram, startProgram } from '../_program.ts'

/** A certificate as servers are given it, as paths of PEM files. */
export interface ServerCertificate {
  /** The certificate and its issuer. */
  readonly chain: string
  readonly key: string
}

/** What a server is set up from. */
export interface ServerSetup {
  /** A folder of its own, for configuration, logs and the like. */
  readonly folder: string
  readonly certificate: ServerCertificate
  /** Of `everstaple outputs`, pasted where they belong. */
  readonly lines: string
}

/** A real server that shares nothing with one of the machine. */
export interface TestServer extends AsyncDisposable {
  /** Where TLS is spoken. */
  readonly port: number
  readonly program: RunningProgram
}

/** Starts a server: `prepare` writes its configuration for the ports, of which the first is the one to connect to. */
export function startServer(
  prepare: (ports: readonly number[]) => Promise<ProgramOptions>,
  portCount = 1,
): Promise<TestServer> {
  return onFreePorts(portCount, async (ports) => {
    const program = await startProgram(await prepare(ports))
    const port = ports[0] ?? 0
    try {
      await accepting(port, program)
    } catch (error) {
      await program.stop('SIGKILL')
      throw error
    }
    return { port, program, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() }
  })
}
