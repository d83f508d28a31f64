import { expect, test } from 'vitest'
import { fileNameKind } from './file-name.ts'

test.each([
  ['certificate', ['fullchain.pem', 'a.crt', 'A.CRT', 'a.cer', 'a.cert', 'a.der', 'monkey.pem']],
  [
    'foreign',
    [
      'privkey.pem',
      'privkey1.pem',
      '0001_key-certbot.pem',
      'server-key.pem',
      'key.pem',
      'private.key.pem',
    ],
  ],
  ['foreign', ['tls.key', 'a.ocsp', 'a.csr', '.hidden.pem', 'a.pem~', 'a.pem.bak', 'a.json']],
  ['open', ['a.pem.issuer', 'host', 'README', 'a.chain']],
] as const)('fileNameKind() takes these for %s', (kind, names) => {
  for (const name of names) expect([name, fileNameKind(name)]).toEqual([name, kind])
})
