import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Config, resolveConfig } from '../../config/config.ts'
import { haproxySocket, haproxyStapleFile } from '../../lab/haproxy.ts'
import { writeReloadScript } from '../../lab/nginx.ts'
import { findProgram } from '../../lab/server-process.ts'
import { haproxyFolder, nginxPrefix } from './server-kinds.ts'

/** The file that configures the service of the demo, and what it says. */
export function configure(folder: string): { readonly text: string; readonly config: Config } {
  const text = configText(folder)
  const env = { cwd: folder, home: homedir(), user: 'ordinary' } as const
  const file = { text, path: join(folder, 'everstaple.yaml') }
  const resolution = resolveConfig({ file, flags: {}, env })
  if (resolution.kind === 'config') return { text, config: resolution.config }
  const [problem] = resolution.problems
  throw new Error(`the demo cannot be configured: ${problem?.key} is ${problem?.saw}`)
}

function configText(folder: string): string {
  const outputs = [...nginxOutput(folder), ...haproxyOutput(folder)]
  const lines = [
    `certificates: [${scalar(join(folder, 'certificates'))}]`,
    `data: ${scalar(join(folder, 'data'))}`,
    'listen: 127.0.0.1:0',
    'responders:',
    '  allowAddresses: [127.0.0.1]  # or else only CAs on the public internet are asked',
    ...(outputs.length === 0 ? [] : ['outputs:', ...outputs]),
  ]
  return `${lines.join('\n')}\n`
}

function nginxOutput(folder: string): readonly string[] {
  const program = findProgram('nginx')
  if (program === undefined) return []
  const script = writeReloadScript(program, nginxPrefix(folder))
  return [
    '  - server: nginx',
    `    file: ${scalar(join(folder, 'staples', '{domain}.der'))}`,
    `    reload: ${scalar(`sh ${script}`)}`,
    '    debounce: 500ms',
  ]
}

function haproxyOutput(folder: string): readonly string[] {
  if (findProgram('haproxy') === undefined) return []
  const own = haproxyFolder(folder)
  return [
    '  - server: haproxy',
    `    file: ${scalar(haproxyStapleFile(own))}`,
    `    socket: ${scalar(haproxySocket(own))}`,
  ]
}

/** A string of YAML, quoted where it may need to be. */
function scalar(text: string): string {
  return /^[\w/][\w/. {}-]*$/.test(text) && !text.startsWith('{') ? text : JSON.stringify(text)
}
