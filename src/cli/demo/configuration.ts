import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Config, resolveConfig } from '../../config/config.ts'
import { findNginx, writeReloadScript } from '../../lab/nginx.ts'
import { nginxPrefix } from './servers.ts'

/** The file that configures the service of the demo, and what it says. */
export function configure(folder: string): { readonly text: string; readonly config: Config } {
  const program = findNginx()
  const reload =
    program === undefined ? undefined : `sh ${writeReloadScript(program, nginxPrefix(folder))}`
  const text = configText(folder, reload)
  const env = { cwd: folder, home: homedir(), user: 'ordinary' } as const
  const file = { text, path: join(folder, 'everstaple.yaml') }
  const resolution = resolveConfig({ file, flags: {}, env })
  if (resolution.kind === 'config') return { text, config: resolution.config }
  const [problem] = resolution.problems
  throw new Error(`the demo cannot be configured: ${problem?.key} is ${problem?.saw}`)
}

function configText(folder: string, reload: string | undefined): string {
  const lines = [
    `certificates: [${scalar(join(folder, 'certificates'))}]`,
    `data: ${scalar(join(folder, 'data'))}`,
    'listen: 127.0.0.1:0',
    'responders:',
    '  allowAddresses: [127.0.0.1]  # or else only CAs on the public internet are asked',
    'outputs:',
    `  - file: ${scalar(join(folder, 'staples', '{domain}.der'))}`,
  ]
  if (reload !== undefined) lines.push(`    reload: ${scalar(reload)}`, '    debounce: 500ms')
  return `${lines.join('\n')}\n`
}

/** A string of YAML, quoted where it may need to be. */
function scalar(text: string): string {
  return /^[\w/][\w/. {}-]*$/.test(text) && !text.startsWith('{') ? text : JSON.stringify(text)
}
