import { describe, expect, it, test } from 'vitest'
import { broken, machine } from './_machine.ts'
import { readApache } from './apache.ts'
import { parseApache, parseEnvvars } from './apache-syntax.ts'

const MAIN = '/etc/apache2/apache2.conf'

/** A configuration as lines: `FILE:LINE names: certificates + chains`, then problems. */
async function linesOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  using at = machine(files)
  const found = await readApache(at.tree)
  return [
    ...(found?.blocks ?? []).map(({ at: { file, line }, names, certificates, chains }) =>
      [`${file}:${line}`, ...names, ':', ...certificates, ...chains.map((each) => `+${each}`)]
        .join(' ')
        .replace('/etc/apache2/', ''),
    ),
    ...(found?.problems ?? []).map(({ path, problem }) =>
      `! ${path} ${problem}`.replace('/etc/apache2/', ''),
    ),
  ]
}

const host = (text: string) => `<VirtualHost *:443>\n${text}\n</VirtualHost>\n`
const main = (text: string) => ({ [MAIN]: text })

describe('Apache httpd', () => {
  const cases: readonly [string, Readonly<Record<string, string>>, readonly string[]][] = [
    [
      'virtual hosts',
      main(
        host('ServerName a.test\nServerAlias b.test c.test\nSSLCertificateFile /a.pem') +
          host(
            'SSLCertificateFile "/r s.pem"\nsslcertificatefile /ec.pem\nSSLCertificateChainFile x.pem',
          ),
      ),
      [
        'apache2.conf:1 a.test b.test c.test : /a.pem',
        'apache2.conf:6 : /r s.pem /ec.pem +/etc/apache2/x.pem',
      ],
    ],
    [
      'the main server',
      main(`SSLCertificateFile /m.pem\n${host('ServerName a')}`),
      ['apache2.conf:1 : /m.pem'],
    ],
    [
      'Debian’s layout',
      {
        ...main(
          'IncludeOptional mods-enabled/*.conf\nInclude ports.conf\nIncludeOptional sites-enabled/*.conf',
        ),
        '/etc/apache2/ports.conf': 'Listen 80\n<IfModule ssl_module>\nListen 443\n</IfModule>',
        '/etc/apache2/sites-enabled/a-le-ssl.conf': '->../sites-available/a-le-ssl.conf',
        '/etc/apache2/sites-available/a-le-ssl.conf': `<IfModule mod_ssl.c>\n${host('SSLCertificateFile /a.pem\nInclude /etc/options.conf')}</IfModule>`,
        '/etc/options.conf': 'SSLEngine on',
      },
      ['sites-enabled/a-le-ssl.conf:2 : /a.pem'],
    ],
    [
      'Red Hat’s layout',
      {
        '/etc/httpd/conf/httpd.conf': 'ServerRoot "/etc/httpd"\nIncludeOptional conf.d/*.conf',
        '/etc/httpd/conf.d/ssl.conf':
          '<VirtualHost _default_:443>\nSSLCertificateFile ../pki/a.pem\n</VirtualHost>',
      },
      ['/etc/httpd/conf.d/ssl.conf:1 : /etc/pki/a.pem'],
    ],
    [
      'variables: defined, of envvars, of nobody',
      {
        ...main(
          `Define LIVE /live\n${host(`SSLCertificateFile \${LIVE}/a.pem`)}${host(`SSLCertificateFile \${TLS}/b.pem`)}${host(`SSLCertificateFile \${GONE}/c.pem`)}`,
        ),
        '/etc/apache2/envvars': 'export BASE=/srv\nexport TLS="$BASE/tls$SUFFIX"\n',
      },
      [
        'apache2.conf:2 : /live/a.pem',
        'apache2.conf:5 : /srv/tls/b.pem',
        `! apache2.conf:9 '\${GONE}/c.pem' has a variable that is defined outside of the configuration: add the certificate by hand`,
      ],
    ],
    [
      'conditions',
      main(
        `<IfDefine A>\n${host('SSLCertificateFile /no.pem')}</IfDefine>\nDefine A\n<IfDefine A>\n<IfVersion >= 2.4>\n${host('SSLCertificateFile /a.pem')}</IfVersion>\n</IfDefine>\n<IfDefine !A>\n<If "x > y">\n</If>\n</IfDefine>\n${host('SSLCertificateFile /b.pem')}`,
      ),
      [
        'apache2.conf:9 : /a.pem',
        'apache2.conf:18 : /b.pem',
        '! apache2.conf:3 SSLCertificateFile in a macro or a condition, which are not followed: add its certificate by hand',
      ],
    ],
    [
      'a macro',
      main(
        '<Macro Site $name>\n<VirtualHost *:443>\nSSLCertificateFile /$name.pem\n</VirtualHost>\n</Macro>\nUse Site a',
      ),
      [
        '! apache2.conf:3 SSLCertificateFile in a macro or a condition, which are not followed: add its certificate by hand',
      ],
    ],
    [
      'lines that go on, comments and carriage returns',
      main(`# SSLCertificateFile /no.pem\r\n${host('SSLCertificateFile \\\n  /a.pem\r')}`),
      ['apache2.conf:2 : /a.pem'],
    ],
    [
      'an include of a folder, of nothing and of itself',
      {
        ...main('Include d\nInclude gone.conf\nIncludeOptional gone2.conf\nInclude apache2.conf'),
        '/etc/apache2/d/e/f': host('SSLCertificateFile /a.pem'),
      },
      expect.arrayContaining([
        'd/e/f:1 : /a.pem',
        '! apache2.conf:2 /etc/apache2/gone.conf: does not exist',
        '! apache2.conf:4 includes too deep: not read further',
      ]),
    ],
  ]
  test.each(cases)('%s', async (_, files, expected) => {
    expect(await linesOf(files)).toEqual(expected)
  })
  it('is told what speaks of stapling already', async () => {
    using at = machine(
      main(`SSLUseStapling On\n${host('SSLCertificateFile /a.pem\nSSLUseStapling off')}`),
    )
    const found = await readApache(at.tree)
    expect(found?.stapling).toEqual([{ file: MAIN, line: 1, text: 'SSLUseStapling On' }])
    expect(found?.blocks[0]?.stapling).toEqual([
      { file: MAIN, line: 4, text: 'SSLUseStapling off' },
    ])
  })
})

describe('parseApache()', () => {
  const text = `<VirtualHost "*:443">\nServerName 'a' "b\\"" \\\n c\n</VirtualHost>\n`
  it('reads every broken text', () => {
    for (const each of broken(text)) parseApache(each)
  })
  it.each(['"', "'", 'x', '\\', '<', '\\\n', 'x\n', ' '])(
    'reads a hundred thousand times %j',
    (part) => {
      expect(parseApache(part.repeat(100_000)).length).toBeLessThan(100_001)
    },
  )
  it('reads variables of the environment, whatever is among them', () => {
    for (const each of broken(`export A="x$A"\nexport B=\${A}y\n`)) parseEnvvars(each)
    expect([
      ...parseEnvvars(`unset X\nexport A="x$NO"\nif [ a ]; then\n export B=\${A}y # c\nfi`),
    ]).toEqual([
      ['A', 'x'],
      ['B', 'xy'],
    ])
  })
})
