import { describe, expect, it, test } from 'vitest'
import { broken, machine } from './_machine.ts'
import { readNginx } from './nginx.ts'
import { parseNginx } from './nginx-syntax.ts'

/** A configuration as lines: `FILE:LINE names: certificates`, then problems. */
async function linesOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  using at = machine(files)
  const found = await readNginx(at.tree)
  return [
    ...(found?.blocks ?? []).map(({ at: { file, line }, names, certificates }) =>
      `${file.slice(11)}:${line} ${names.join(' ')}: ${certificates.join(' ')}`.replace('  ', ' '),
    ),
    ...(found?.problems ?? []).map(({ path, problem }) => `! ${path.slice(11)} ${problem}`),
  ]
}

const http = (text: string) => ({ '/etc/nginx/nginx.conf': `http {\n${text}\n}\n` })
const tls = (text: string) => http(`server { listen 443 ssl; ${text} }`)

describe('nginx', () => {
  const cases: readonly [string, Readonly<Record<string, string>>, readonly string[]][] = [
    [
      'a server block',
      tls('server_name a.test b.test; ssl_certificate /a.pem; ssl_certificate_key /a.key;'),
      ['nginx.conf:2 a.test b.test: /a.pem'],
    ],
    [
      'a pair of certificates',
      tls('ssl_certificate /rsa.pem; ssl_certificate /ec.pem;'),
      ['nginx.conf:2 : /rsa.pem /ec.pem'],
    ],
    [
      'a path that is relative to the configuration',
      tls('ssl_certificate tls/a.pem;'),
      ['nginx.conf:2 : /etc/nginx/tls/a.pem'],
    ],
    [
      'quotes, comments and escapes',
      tls(
        `# ssl_certificate /no.pem; }\n server_name 'a.test' "_" x#y; ssl_certificate "/a b.pem";`,
      ),
      ['nginx.conf:2 a.test x#y: /a b.pem'],
    ],
    [
      'a certificate for all servers, which one has not',
      http(
        'ssl_certificate /all.pem;\nserver { listen 443 ssl; }\nserver { listen [::]:443 ssl http2; ssl_certificate /a.pem; }\nserver { listen 80; }',
      ),
      ['nginx.conf:3 : /all.pem', 'nginx.conf:4 : /a.pem'],
    ],
    [
      'the old way to turn TLS on',
      http('server { ssl on; ssl_certificate /a.pem; }'),
      ['nginx.conf:2 : /a.pem'],
    ],
    ['no TLS', http('server { listen 80; ssl_certificate /a.pem; }'), []],
    [
      'streams',
      { '/etc/nginx/nginx.conf': 'stream { server { listen 1 ssl; ssl_certificate /s.pem; } }' },
      ['nginx.conf:1 : /s.pem'],
    ],
    [
      'includes, as Debian has them, and in a server block',
      {
        ...http('include /etc/nginx/sites-enabled/*;'),
        '/etc/nginx/sites-enabled/b': '->/etc/nginx/sites-available/b',
        '/etc/nginx/sites-available/b': '\nserver { include snippets/tls.conf; server_name b; }',
        '/etc/nginx/snippets/tls.conf': 'listen 443 ssl; ssl_certificate /b.pem;',
      },
      ['sites-enabled/b:2 b: /b.pem'],
    ],
    [
      'an include of what is not there',
      http(
        'include gone.conf; include gone/*.conf;\nserver { listen 1 ssl; ssl_certificate /a.pem; }',
      ),
      ['nginx.conf:3 : /a.pem', '! nginx.conf:2 /etc/nginx/gone.conf: does not exist'],
    ],
    [
      'an include of itself',
      { '/etc/nginx/nginx.conf': 'include nginx.conf;' },
      ['! nginx.conf:1 includes too deep: not read further'],
    ],
    [
      'a certificate by variable',
      tls('ssl_certificate /live/$ssl_server_name.pem;'),
      [
        expect.stringMatching(
          /^! nginx.conf:2 ssl_certificate '\/live\/\$ssl_server_name.pem' is chosen at each/,
        ),
      ],
    ],
    [
      'Lua, whose quotes and marks mean nothing here',
      tls(
        `location / { content_by_lua_block { if x then say("it's {}; ") end } } ssl_certificate /a.pem;`,
      ),
      ['nginx.conf:2 : /a.pem'],
    ],
    [
      'variables in braces',
      tls(`set $a "\${b}"; set $c x\${d}y; ssl_certificate /a.pem;`),
      ['nginx.conf:2 : /a.pem'],
    ],
    ['what is not for it', tls('ssl_certificate engine:x:y; frobnicate { a { b; } c d; }'), []],
  ]
  test.each(cases)('%s', async (_, files, expected) => {
    expect(await linesOf(files)).toEqual(expected)
  })
  it('is not there', async () => {
    using at = machine({})
    expect(await readNginx(at.tree)).toBeUndefined()
  })
  it('is told what speaks of stapling already', async () => {
    using at = machine(tls('ssl_certificate /a.pem;\n ssl_stapling on;\n ssl_stapling_verify on;'))
    const found = await readNginx(at.tree)
    expect(found?.blocks[0]?.stapling).toEqual([
      { file: '/etc/nginx/nginx.conf', line: 3, text: 'ssl_stapling on' },
    ])
  })
})

describe('parseNginx()', () => {
  const text = `http { # c\n server { a "b\\"" 'c' $\{d} e\\ f; x_by_lua_block { {} } } }\n`
  it('reads every broken text', () => {
    for (const each of broken(text)) parseNginx(each)
  })
  it('keeps what stands before the break', () => {
    expect(parseNginx(text.slice(0, 40))).toMatchObject([
      { name: 'http', block: [{ name: 'server' }] },
    ])
    expect(parseNginx('a b; } c d; { e; } "')).toMatchObject([
      { name: 'a' },
      { name: 'c' },
      { name: '' },
    ])
  })
  it.each(['"', "'", 'x', '\\\\', '{', '#', '${', ' \n'])(
    'reads a hundred thousand times %j',
    (part) => {
      expect(parseNginx(part.repeat(100_000)).length).toBeLessThan(2)
    },
  )
})
