import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from '../../_source-files.ts'
import { type ServerSetup, startServer, type TestServer } from './server.ts'

/** A program with an https server, which has everstaple installed; `imports` and `lines` stand in it. */
export async function startNode({
  folder,
  certificate,
  imports,
  lines,
}: ServerSetup & { readonly imports: string }): Promise<TestServer> {
  await mkdir(join(folder, 'node_modules'))
  await symlink(root, join(folder, 'node_modules/everstaple'))
  const program = join(folder, 'server.mjs')
  return startServer(async ([port]) => {
    await writeFile(
      program,
      `import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
${imports}
const chain = readFileSync('${certificate.chain}')
const key = readFileSync('${certificate.key}')
const server = createServer({ cert: chain, key }, (_request, response) => response.end('ok'))
${lines}
server.listen(${port}, '127.0.0.1')
`,
    )
    return { path: process.execPath, args: [program] }
  })
}
