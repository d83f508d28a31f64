import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { peer } from './_peer.ts'
import { runProgram, startProgram } from './_program.ts'

const program = join(import.meta.dirname, '../../dist/cli/main.js')
/** In the table at the end: a server, its counts per act, and the sum. */
const ROW = /^ {3}(nginx|Node\.js|together) +(\d+\/\d+.*)$/gm

describe('everstaple demo', () => {
  /** Where the demo makes its folder. */
  let temporary: string

  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'everstaple-e2e-demo-'))
  })
  afterEach(() => rm(temporary, { recursive: true, force: true }))

  it('shows an outage of the CA in which every handshake is stapled, and leaves nothing behind', async () => {
    const { status, stdout, stderr } = await runProgram('env', [
      ...[`TMPDIR=${temporary}`, process.execPath, program, 'demo', '--for', '12s'],
    ])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const [, table = ''] = /^Summary: ([\s\S]*)^Try next$/m.exec(stdout) ?? []
    const servers = peer('nginx').kind === 'found' ? ['nginx', 'Node.js'] : ['Node.js']
    const rows = [...table.matchAll(ROW)]
    expect(rows.map(([, server]) => server)).toEqual([...servers, 'together'])
    expect(table).toContain('all is well  CA away  CA back  together')
    for (const [line, , cells = ''] of rows) {
      for (const cell of cells.split(/ +/)) expect(cell, line).toMatch(/^([1-9]\d*)\/\1$/)
    }
    expect(stdout).toMatch(/│ .*ECONNREFUSED/)
    expect(stdout).toContain('Every staple is fresh again')
    expect(stdout).not.toContain('\u001b')
    expect(await readdir(temporary)).toEqual([])
  })

  test.each([
    ['at once', /everstaple demo: /],
    ['among the handshakes', /✓ stapled: /],
  ])('ends %s by SIGINT, and leaves nothing behind', async (_when, ready) => {
    await using demo = await startProgram({
      path: process.execPath,
      args: [program, 'demo'],
      ready,
      env: { TMPDIR: temporary },
    })
    expect(await demo.stop('SIGINT')).toBe(0)
    expect(demo.output()).toContain('Try next')
    expect(await readdir(temporary)).toEqual([])
  })

  test.each([
    ['soon', '--for is "soon", not a length of time such as 20s or 5m'],
    ['1s', '--for is "1s"; the demo needs at least 10s to show all'],
  ])('refuses --for %s', async (written, message) => {
    const { status, stdout, stderr } = await runProgram(process.execPath, [
      ...[program, 'demo', '--for', written],
    ])
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: '',
      stderr: `everstaple: error: ${message}\neverstaple: hint: everstaple demo --for 20s\n`,
    })
  })
})
