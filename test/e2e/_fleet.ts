import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../_source-files.ts'
import { type Everstaple, launchEverstaple, startEverstaple } from './_everstaple.ts'
import { createOpensslCa, type KeyKind, type OpensslCa, type OpensslLeaf } from './_openssl-ca.ts'
import { type OpensslResponder, startOpensslResponder } from './_openssl-responder.ts'
import { freePorts } from './_ports.ts'
import { type ProgramResult, runOk, runProgram } from './_program.ts'

/** How an edge is set up. */
export interface EdgeOptions {
  /** Keys of its configuration, over the usual ones: `outputs`, `data`. */
  readonly config?: object
  /** Keys of `agent`, over the usual ones: `server`, `register`. */
  readonly agent?: object
  readonly env?: Readonly<Record<string, string>>
  /** As of `launchEverstaple`. */
  readonly by?: readonly string[]
}

/** Whose data folder a command reads: `centre`, `web1`; and at what time, say. */
export interface Surroundings {
  readonly at: string
  readonly env?: Readonly<Record<string, string>>
}

/** A centre with its CA, and edges that follow it: each an agent with a folder of its own. */
export interface Fleet extends AsyncDisposable {
  readonly ca: OpensslCa
  readonly responder: OpensslResponder
  /** Where the centre listens, in each of its lives. */
  readonly url: string
  /** A path in the folder of all: `centre/certs/first.pem`, `web1/data`. */
  at(path: string): string
  /** Starts the centre, or starts it again. */
  startCentre(config?: object): Promise<Everstaple>
  /** Issues a certificate that the responder knows, installed as `NAME.pem` in the certificate folders of these: `centre`, `web1`. */
  issue(name: string, on: readonly string[], key?: KeyKind): Promise<OpensslLeaf>
  /** Makes folders and token of an edge. */
  addEdge(name: string): Promise<void>
  /** Starts the agent of an edge, or starts it again. */
  startEdge(name: string, options?: EdgeOptions): Promise<Everstaple>
  /** Runs a command over the data folder of somebody. */
  run(of: Surroundings, ...args: readonly string[]): Promise<ProgramResult>
}

/** Makes a fleet without edges, and its CA; the centre is not started. */
export async function createFleet(): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), 'everstaple-fleet-'))
  const at = (path: string) => join(folder, path)
  await mkdir(at('centre/certs'), { recursive: true })
  const ca = await createOpensslCa(folder)
  const responder = await startOpensslResponder(ca)
  const [port = 0] = await freePorts(1)
  const url = `http://127.0.0.1:${port}`
  return {
    ...{ ca, responder, url, at },
    startCentre: (config = {}) =>
      startEverstaple(at('centre'), {
        ...{ certificates: [at('centre/certs')], data: at('centre/data') },
        ...{ listen: `127.0.0.1:${port}`, responders: { allowAddresses: ['127.0.0.1'] } },
        ...config,
      }),
    async issue(name, on, key) {
      const leaf = await ca.issue({ name, ocspUrl: responder.url, ...(key && { key }) })
      await responder.start()
      for (const each of on) await copyFile(leaf.chain, at(`${each}/certs/${name}.pem`))
      return leaf
    },
    async addEdge(name) {
      await mkdir(at(`${name}/certs`), { recursive: true })
      const args = ['token', 'create', name, '--scope', 'edge', '--data', at('centre/data')]
      await writeFile(at(`${name}/token`), await runOk(process.execPath, [main, ...args]))
    },
    startEdge: (name, { config = {}, agent = {}, env = {}, by = [] } = {}) =>
      launchEverstaple({
        folder: at(name),
        config: {
          ...{ certificates: [at(`${name}/certs`)], data: at(`${name}/data`) },
          agent: { server: url, tokenFile: at(`${name}/token`), name, ...agent },
          outputs: [{ file: '{source}.ocsp' }],
          responders: { allowAddresses: ['127.0.0.1'] },
          ...config,
        },
        command: 'agent',
        ...{ env, by },
      }),
    run: ({ at: name, env = {} }, ...args) => {
      const assigned = Object.entries(env).map(([key, value]) => `${key}=${value}`)
      const all = [main, ...args, '--data', at(`${name}/data`)]
      return runProgram('/usr/bin/env', [...assigned, process.execPath, ...all])
    },
    async [Symbol.asyncDispose]() {
      await responder[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const main = join(root, 'dist/cli/main.js')
