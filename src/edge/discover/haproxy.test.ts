import { describe, expect, it, test } from 'vitest'
import { broken, machine } from './_machine.ts'
import { readHaproxy } from './haproxy.ts'
import { parseHaproxy } from './haproxy-syntax.ts'

/** A configuration as lines: `LINE name: certificates`, sockets, then problems. */
async function linesOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  using at = machine(files)
  const found = await readHaproxy(at.tree)
  return [
    ...(found?.blocks ?? []).map(
      ({ at: { line }, names, certificates }) =>
        `${line} ${names.join(' ')}: ${certificates.join(' ')}`,
    ),
    ...(found?.sockets ?? []).map(({ address, level }) => `socket ${address} ${level}`),
    ...(found?.problems ?? []).map(({ path, problem }) => `! ${path} ${problem}`),
  ]
}

const main = (text: string) => ({ '/etc/haproxy/haproxy.cfg': text })

describe('HAProxy', () => {
  const cases: readonly [string, Readonly<Record<string, string>>, readonly string[]][] = [
    [
      'a bind with a file and a folder',
      main('frontend www\n  bind :443 ssl crt /a.pem crt /certs alpn h2\n  bind :80\n'),
      ['2 www :443: /a.pem /certs'],
    ],
    [
      'crt-base',
      main('global\n crt-base /etc/ssl\nlisten l\n bind *:1 ssl crt a.pem\n'),
      ['4 l *:1: /etc/ssl/a.pem'],
    ],
    [
      'files by type of key',
      {
        ...main('frontend f\n bind :1 ssl crt /c/a.pem'),
        '/c/a.pem.rsa': '',
        '/c/a.pem.ecdsa': '',
      },
      ['2 f :1: /c/a.pem.rsa /c/a.pem.ecdsa'],
    ],
    [
      'a list of certificates',
      {
        ...main('global\n crt-base /c\nfrontend f\n bind :1 ssl crt-list /l.txt\n'),
        '/l.txt': '# all\na.pem [alpn h2 ocsp-update on] a.test !b.test\n/b.pem\n@store/x\n',
      },
      ['4 f :1: /c/a.pem /b.pem'],
    ],
    [
      'a list that is not there',
      main('frontend f\n bind :1 ssl crt-list /l.txt'),
      ['! /etc/haproxy/haproxy.cfg:2 /l.txt: does not exist'],
    ],
    [
      'a store of certificates',
      main(
        'crt-store web\n crt-base /w\n load crt a.pem alias x\nfrontend f\n bind :1 ssl crt @web/x crt b.pem',
      ),
      ['3 crt-store web: /w/a.pem', '5 f :1: /b.pem'],
    ],
    [
      'sockets',
      main(
        'global\n stats socket /run/a.sock mode 660 level admin\n stats socket ipv4@127.0.0.1:9999\n stats timeout 30s',
      ),
      ['socket /run/a.sock admin', 'socket 127.0.0.1:9999 operator'],
    ],
    [
      'variables',
      main(
        `global\n setenv D /d\nfrontend f\n bind :1 ssl crt "$D/a.pem" crt \${E-/e}/b.pem crt "\${GONE}/c.pem"`,
      ),
      [
        '4 f :1: /d/a.pem /e/b.pem',
        `! /etc/haproxy/haproxy.cfg:4 '/\${GONE}/c.pem' has a variable that is defined outside of the configuration: add the certificate by hand`,
      ],
    ],
    [
      'quotes, escapes and comments',
      main(
        `frontend f\n bind :1 ssl crt '/a b.pem' crt /c\\ d.pem crt "/e\\"f.pem" # crt /no.pem\n`,
      ),
      ['2 f :1: /a b.pem /c d.pem /e"f.pem'],
    ],
    [
      'more files',
      {
        ...main('global\n crt-base /c\n'),
        '/etc/haproxy/conf.d/x.cfg': 'frontend f\n bind :1 ssl crt a.pem',
      },
      ['2 f :1: /c/a.pem'],
    ],
    [
      'certificates that it presents to servers',
      main('backend b\n server s 192.0.2.1 ssl crt /a.pem'),
      [],
    ],
  ]
  test.each(cases)('%s', async (_, files, expected) => {
    expect(await linesOf(files)).toEqual(expected)
  })
})

describe('parseHaproxy()', () => {
  const text = `frontend "a b"\n bind :1 ssl crt '$x' crt "$y\\"" \\\n crt \${z} # c\n`
  it('reads every broken text', () => {
    for (const each of broken(text)) parseHaproxy(each)
  })
  it('counts lines that go on', () => {
    expect(parseHaproxy('a \\\n b\nc')).toEqual([
      { words: ['a', 'b'], line: 1 },
      { words: ['c'], line: 3 },
    ])
  })
  it.each(['"', "'", 'x', '\\', '#', 'x\n', '\\\n'])(
    'reads a hundred thousand times %j',
    (part) => {
      expect(parseHaproxy(part.repeat(100_000)).length).toBeLessThan(100_001)
    },
  )
})
