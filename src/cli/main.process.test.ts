import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it, test } from 'vitest'
import { durationMs, HOUR_MS } from '../der/time.ts'
import { makeHierarchy } from '../lab/hierarchy.ts'
import { startResponder } from '../lab/responder.ts'
import { clientNames } from '../ocsp/clients.ts'
import { certificate } from '../store/_records.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { systemClock } from '../time/clock.ts'
import { everstaple, temporaryFolder } from './_everstaple.ts'

const folder = temporaryFolder()
const pki = makeHierarchy({ now: systemClock.now(), caKey: 'prime256v1' })
const responder = await startResponder({ issuer: pki.issuer, validity: durationMs(HOUR_MS) })
const leaf = pki.issueLeaf({ dnsNames: ['www.example.org'], ocspUrls: [responder.url] })
const crlOnly = pki.issueLeaf({ dnsNames: ['quiet.example.org'], ocspUrls: [] })
const at = (name: string) => join(folder.path, name)
writeFileSync(at('fullchain.pem'), leaf.pem + pki.issuer.pem)
writeFileSync(at('key.pem'), leaf.keyPem)
writeFileSync(at('quiet.pem'), crlOnly.pem)
writeFileSync(at('bad.yaml'), 'listen: 8888\n')
writeFileSync(at('c.yaml'), 'responders:\n  allowAddresses: ["127.0.0.0/8"]\n')
mkdirSync(at('mixed'))
writeFileSync(at('mixed/junk.ocsp'), 'no response')
writeFileSync(at('mixed/key.pem'), leaf.keyPem)
mkdirSync(at('keys'))
writeFileSync(at('keys/key.pem'), leaf.keyPem)
const fetched = await run('fetch fullchain.pem --config c.yaml --out good.der')
writeFileSync(at('mixed/good.ocsp'), readFileSync(at('good.der')))

afterAll(async () => {
  await responder[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

function run(line: string, input?: Uint8Array) {
  return everstaple(folder.path, line.split(' '), input)
}

describe('everstaple', () => {
  test.concurrent.each([
    ...['run', 'fetch', 'explain', 'check', 'probe', 'ensure', 'status', 'simulate', 'demo'],
    ...['discover', 'agent', 'outputs', 'token', 'token create', 'token revoke'],
  ])('%s --help has an example', async (command) => {
    const { status, stdout } = await run(`${command} --help`)
    expect(status).toBe(0)
    expect(stdout).toMatch(new RegExp(`Example:\\n {2}\\$ everstaple ${command} \\S`))
  })

  test.concurrent.each([
    ['--nonsense', /^everstaple: error: unknown option '--nonsense'\n/],
    ['bogus', /^everstaple: error: unknown command 'bogus'\n/],
    ['fetch', /^everstaple: error: missing required argument 'certificate'\n/],
    ['fetch nowhere.pem', /^everstaple: error: 'nowhere.pem' does not exist\n/],
    ['fetch key.pem', /^everstaple: error: 'key.pem': holds a private key and no certificate/],
    ['fetch mixed', /^everstaple: error: 'mixed' is a folder\n/],
    ['explain good.der --at 5', /^everstaple: error: --at '5' is not a time\n/],
    [
      'explain good.der --certificate fullchain.pem --issuer quiet.pem',
      /^everstaple: error: 'quiet.pem' is of ".+", which did not sign the certificate of ".+"\neverstaple: hint: give the certificate of its issuer, ".+ issuing CA"\n/,
    ],
    ['explain good.der --certificate keys', /^everstaple: error: folder 'keys' holds no cert/],
    [
      'fetch quiet.pem --issuer fullchain.pem',
      /^everstaple: error: 'quiet.pem' names no OCSP responder/,
    ],
    ['explain keys', /^everstaple: error: folder 'keys' holds no OCSP response\n/],
    ['explain good.der --at soon', /^everstaple: error: --at 'soon' is not a time\n/],
    ['explain nowhere.der', /^everstaple: error: 'nowhere.der' does not exist\n/],
    ['status --data nowhere', /^everstaple: error: there is no database .*nowhere/],
    [
      'status --config nowhere.yaml',
      /^everstaple: error: configuration file 'nowhere.yaml' cannot be read: there is no such file\n/,
    ],
    ['status --config bad.yaml', /^everstaple: error: .*bad.yaml:1:9: listen: saw /],
    ['run', /^everstaple: error: no certificates are given\n/],
    ['agent --server a.test:8443 --certificates .', /^everstaple: error: --server: saw "a\.test:/],
    ['run --certificates . --data key.pem', /^everstaple: error: .*key.pem/],
  ])('%s ends with status 2, an error and a hint', async (line, message) => {
    const { status, stdout, stderr } = await run(line)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/\neverstaple: hint: .*\n$/)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  it('run says which port is in use', async () => {
    const { status, stderr } = await run(
      `run --certificates . --data run --listen 127.0.0.1:${responder.port}`,
    )
    expect(status).toBe(2)
    expect(stderr).toMatch(
      /^everstaple: error: port \d+ on 127.0.0.1 is in use\neverstaple: hint: stop /,
    )
  })
})

describe('everstaple fetch', () => {
  it('tells what it did, and writes the staple', () => {
    expect([fetched.status, fetched.stderr]).toEqual([0, ''])
    expect(fetched.stdout).toMatch(/^GET http:\S+ \(127.0.0.1\), \d+ ms: a good response\n/)
    expect(fetched.stdout).toMatch(/\nfullchain.pem: accepted by every required client\n/)
  })

  it('tells all in JSON, and why the responder was not asked', async () => {
    const { status, stdout } = await run('fetch fullchain.pem --json')
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({
      file: 'fullchain.pem',
      outcome: 'failed',
      accepted: false,
      problem: expect.stringMatching(/127\.0\.0\.1.*loopback/),
      attempts: [{ method: 'GET', url: responder.url }],
    })
  })
})

describe('everstaple explain', () => {
  it('gives one JSON object of the documented shape', async () => {
    const { status, stdout } = await run('explain good.der --certificate fullchain.pem --json')
    expect(status).toBe(0)
    const explanation = JSON.parse(stdout)
    expect(explanation).toMatchObject({
      file: 'good.der',
      accepted: true,
      status: 'good',
      signer: { kind: 'issuer' },
      findings: [],
      canonical: { accepted: true, bytesSaved: 0 },
    })
    expect(Object.keys(explanation.clients)).toEqual([...clientNames])
    for (const time of ['thisUpdate', 'nextUpdate', 'producedAt', 'usableUntil']) {
      expect(explanation[time]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
    }
  })

  it('gives findings of the documented shape, and status 1', async () => {
    const line = 'explain good.der --certificate fullchain.pem --at 2100-01-01T00:00:00Z --json'
    const { status, stdout } = await run(line)
    expect(status).toBe(1)
    const [finding] = JSON.parse(stdout).findings
    expect(finding).toMatchObject({
      rule: expect.stringMatching(/^[a-z0-9-]+$/),
      level: 'reject',
      saw: expect.any(String),
      required: expect.any(String),
      rejectedBy: expect.any(Array),
      reference: expect.any(String),
    })
  })

  it('judges each response of a folder, and leaves keys and certificates alone', async () => {
    const { status, stdout } = await run('explain mixed --certificate fullchain.pem --json')
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map(({ file, accepted }) => [file, accepted])).toEqual([
      ['mixed/good.ocsp', true],
      ['mixed/junk.ocsp', false],
    ])
    expect(status).toBe(1)
  })

  it('finds for each response its certificate in a folder, through links, and passes over what is hidden', async () => {
    const volume = ['volume', 'volume/..2026', 'void']
    for (const name of volume) mkdirSync(at(name))
    writeFileSync(at('volume/..2026/tls.ocsp'), readFileSync(at('good.der')))
    symlinkSync('..2026/tls.ocsp', at('volume/tls.ocsp'))
    const { status, stdout, stderr } = await run('explain void volume --certificate . --json')
    expect(stderr).toMatch(/^everstaple: error: folder 'void' holds no OCSP response\n/)
    expect(JSON.parse(stdout)).toMatchObject({ file: 'volume/tls.ocsp', accepted: true })
    expect(status).toBe(2)
  })

  it('says of which response there is no certificate in the folder', async () => {
    mkdirSync(at('others'))
    writeFileSync(at('others/quiet.pem'), crlOnly.pem + pki.issuer.pem)
    const { status, stdout } = await run('explain good.der --certificate others')
    expect(status).toBe(1)
    expect(stdout).toMatch(
      /whether it is about a certificate of yours: it is about none of the 1 in/,
    )
  })

  it('tells in text what a finding means, and of which certificate', async () => {
    const { stdout } = await run(
      'explain good.der --certificate fullchain.pem --at 2100-01-01T00:00:00Z',
    )
    const serialNumber = Buffer.from(leaf.certificate.serialNumber).toString('hex')
    expect(stdout).toMatch(new RegExp(`^  serialNumber +${serialNumber}$`, 'm'))
    expect(stdout).toMatch(/^ {2}judged as of +2100-01-01T00:00:00Z$/m)
    expect(stdout).toMatch(
      /^ {4}reject {2}next-update-passed\n {12}The response has expired.\n {12}saw /m,
    )
  })

  it('goes on after a file that cannot be read', async () => {
    const { status, stdout, stderr } = await run(
      'explain nowhere good.der --certificate fullchain.pem',
    )
    expect(status).toBe(2)
    expect(stderr).toMatch(/^everstaple: error: 'nowhere' does not exist\n/)
    expect(stdout).toMatch(/^good.der: accepted by every required client\n/)
  })

  it('reads standard input, and says what it cannot judge alone', async () => {
    const { status, stdout } = await run('explain -', readFileSync(at('good.der')))
    expect(status).toBe(1)
    expect(stdout).toMatch(/^-: nothing wrong seen, but not all could be judged\n/)
    expect(stdout).toMatch(/give it with --issuer/)
  })
})

describe('everstaple token create', () => {
  it('loses none of those that are made at once, and none that is revoked meanwhile', async () => {
    await run('token create old --data many')
    const names = Array.from({ length: 8 }, (_, number) => `web${number}`)
    const made = names.map((name) => run(`token create ${name} --data many`))
    const all = await Promise.all([...made, run('token revoke old --data many')])
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 0))
    const { tokens } = JSON.parse((await run('token list --data many --json')).stdout)
    const left = tokens.map(({ name }: { readonly name: string }) => name)
    expect(left.sort()).toEqual(names)
  })

  it('says whose token it is, beside the token', async () => {
    const { status, stdout, stderr } = await run('token create web1 --data tokens')
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^evs_[\w-]{43}\n$/)])
    const whose = `the service whose data is in ${at('tokens')}`
    expect(stderr).toBe(`everstaple: the token 'web1' (read) of ${whose}, shown this once\n`)
  })
})

describe('everstaple status', () => {
  test.each([
    ['by its name', 'a.example.org'],
    ['by its name, however it is written', 'A.Example.ORG'],
    ['by the beginning of its fingerprint', '00000000'],
    ['by its file', at('a.pem')],
    ['by its file, from where one is', 'a.pem'],
  ])('of a certificate %s', async (_, which) => {
    {
      await using store = await openSqliteStore({ folder: at('one') })
      const named = { name: 'a.example.org', sources: [at('a.pem')] }
      await store.putCertificates([certificate(1, named)], systemClock.now())
    }
    const { stdout } = await run(`status ${which} --data one`)
    expect(stdout).toContain('a.example.org')
  })

  test.each(['0', 'nowhere/a.pem'])('of %s is of none', async (which) => {
    const { status, stderr } = await run(`status ${which} --data one`)
    expect([status, stderr]).toEqual([2, expect.stringContaining(`no certificate '${which}' is`)])
  })

  it('reports from an empty store without an alarm', async () => {
    await (await openSqliteStore({ folder: at('data') }))[Symbol.asyncDispose]()
    const text = await run('status --data data')
    expect(text).toEqual({ status: 0, stdout: 'no certificate can have a staple\n', stderr: '' })
    const json = await run('status --data data --json')
    expect(JSON.parse(json.stdout)).toEqual({
      coverage: { managed: 0, stapled: 0, missing: [] },
      certificates: [],
      reported: [],
      servers: [],
      problems: [],
    })
  })
})
