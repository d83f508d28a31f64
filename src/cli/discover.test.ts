import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { epochMs } from '../der/time.ts'
import { type Machine, machine } from '../edge/discover/_machine.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import type { Clock } from '../time/clock.ts'
import { systemClock } from '../time/clock.ts'
import { type DiscoverCommandOptions, discoverCommand } from './discover.ts'

const now = epochMs(1_795_000_000_000)
const clock: Clock = { ...systemClock, now: () => now }
const { leaf, issuer } = makeHierarchy({ now, caKey: 'prime256v1' })
const block = 'http { server { listen 443 ssl; ssl_certificate /a.pem; } }'
const files = { '/etc/nginx/nginx.conf': block, '/a.pem': leaf.pem + issuer.pem }

async function run({ root }: Machine, options: DiscoverCommandOptions = {}) {
  let [out, err] = ['', '']
  const terminal = {
    out: (text: string) => {
      out += `${text}\n`
    },
    err: (text: string) => {
      err += `${text}\n`
    },
    colours: 'no',
  } as const
  const status = await discoverCommand({ root, ...options }, { terminal, clock })
  return { status, out, err }
}

it('prints the configuration', async () => {
  using at = machine(files)
  const { status, out, err } = await run(at)
  expect([status, err]).toEqual([0, ''])
  expect(out).toMatch(/^# Made by `everstaple discover` at 2026-/)
  expect(out).toContain(`\n  - ${join(at.root, 'a.pem')}\n`)
})

it('writes it to a new file, with the name of that file in it, and says how much it is', async () => {
  using at = machine(files)
  const out = join(at.root, 'e.yaml')
  expect(await run(at, { out })).toMatchObject({
    status: 0,
    out: `${out}: 1 to staple, 0 with nothing to staple, 0 not to be read, 1 output; read it, then start everstaple with it\n`,
  })
  expect(readFileSync(out, 'utf8')).toContain(`everstaple run --config ${out}\n`)
})

it('writes over nothing, and says where it may not write', async () => {
  using at = machine({ ...files, '/e.yaml': 'mine' })
  const out = join(at.root, 'e.yaml')
  await expect(run(at, { out })).rejects.toThrow(`'${out}' is there already`)
  expect(readFileSync(out, 'utf8')).toBe('mine')
  await expect(run(at, { out: join(at.root, 'no/e.yaml') })).rejects.toThrow(/cannot be written/)
})

it('says that there is no such root', async () => {
  using at = machine(files)
  const nowhere = join(at.root, 'nowhere')
  await expect(run({ ...at, root: nowhere })).rejects.toThrow(`'${nowhere}' is no folder`)
})

it('ends with status 1, and writes no file, where there is nothing to staple', async () => {
  using at = machine({})
  const out = join(at.root, 'e.yaml')
  const err = 'everstaple: found no configuration of nginx, Apache httpd, HAProxy\n'
  expect(await run(at, { out })).toEqual({ status: 1, out: '', err })
  using empty = machine({ '/etc/nginx/nginx.conf': `${block} include gone;` })
  expect(await run(empty, { json: true })).toMatchObject({
    status: 1,
    err: `everstaple: /etc/nginx/nginx.conf:1: /etc/nginx/gone: does not exist
everstaple: found nothing to staple in the configuration of nginx
`,
  })
})
