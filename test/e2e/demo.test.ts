import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { peer } from './_peer.ts'
import { runProgram, startProgram } from './_program.ts'

const program = join(import.meta.dirname, '../../dist/cli/main.js')
/** In the table at the end: a server, its counts per act, the sum, and the share. */
const ROW =
  /^ {3}(HAProxy|nginx|Node\.js|with everstaple|nginx by itself) +(\d+\/\d+.*?) +(\S+ %)$/gm

describe('everstaple demo', () => {
  /** Where the demo makes its folder. */
  let temporary: string

  beforeEach(async () => {
    temporary = await mkdtemp(join(tmpdir(), 'everstaple-e2e-demo-'))
  })
  afterEach(() => rm(temporary, { recursive: true, force: true }))

  it('staples every handshake of every server in an outage of the CA, and leaves nothing behind', async () => {
    const { status, stdout, stderr } = await runProgram('env', [
      ...[`TMPDIR=${temporary}`, process.execPath, program, 'demo', '--for', '12s'],
    ])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    const [, table = ''] = /^Summary: ([\s\S]*)^Try next$/m.exec(stdout) ?? []
    const rows = [...table.matchAll(ROW)].map(([, server = '', cells = '', share = '']) => ({
      ...{ server, cells: cells.split(/ +/), share },
    }))
    const nginx = peer('nginx').kind === 'found'
    expect(rows.map(({ server }) => server)).toEqual([
      ...(peer('haproxy').kind === 'found' ? ['HAProxy'] : []),
      ...(nginx ? ['nginx'] : []),
      ...['Node.js', 'with everstaple'],
      ...(nginx ? ['nginx by itself'] : []),
    ])
    expect(table).toContain('all is well  one in six fails  CA away  CA back  together')
    for (const { server, cells, share } of rows) {
      if (server === 'nginx by itself') {
        // Restarted during the outage it has nothing, and asks again five minutes later.
        expect(cells.slice(2, 4), table).toEqual([
          expect.stringMatching(/^0\/[1-9]/),
          expect.stringMatching(/^0\/[1-9]/),
        ])
      } else {
        expect(share, table).toBe('100 %')
        for (const cell of cells) expect(cell, table).toMatch(/^([1-9]\d*)\/\1$/)
      }
    }
    expect(stdout).toMatch(/│ .*ECONNREFUSED/)
    expect(stdout).toContain('Every staple is fresh again')
    expect(stdout).not.toContain('\u001b')
    expect(await readdir(temporary)).toEqual([])
  })

  test.each([
    ['at once', /everstaple demo: /],
    ['among the handshakes', /five times a second/],
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
