import { describe, expect, it, test } from 'vitest'
import { PathTemplateError, pathTemplate, type TemplateInput } from './path-template.ts'

const input: TemplateInput = {
  id: 'ab'.repeat(32),
  name: '*.example.org',
  serial: '00c0ffee',
  sources: ['/etc/letsencrypt/live/example.org/fullchain.pem'],
}

describe('pathTemplate()', () => {
  test.each([
    ['{source}.ocsp', '/etc/letsencrypt/live/example.org/fullchain.pem.ocsp'],
    ['{dir}/staple.der', '/etc/letsencrypt/live/example.org/staple.der'],
    ['/var/staples/{dir-name}.der', '/var/staples/example.org.der'],
    ['/var/staples/{name}.ocsp', '/var/staples/fullchain.ocsp'],
    ['/var/staples/{source-md5}', '/var/staples/52e224ce7124a7f561e50213114b1b30'],
    ['/var/staples/{domain}.ocsp', '/var/staples/_.example.org.ocsp'],
    ['/var/staples/{fingerprint}', `/var/staples/${'ab'.repeat(32)}`],
    ['/var/staples/{serial}-{name}.ocsp', '/var/staples/00c0ffee-fullchain.ocsp'],
    ['/var/staples/one.ocsp', '/var/staples/one.ocsp'],
  ])('fills %s', (template, path) => {
    expect(pathTemplate(template)(input)).toEqual([path])
  })

  it('gives a path for each file that the certificate was found in', () => {
    const sources = ['/a/x.pem', '/b/x.pem']
    expect(pathTemplate('{source}.ocsp')({ ...input, sources })).toEqual([
      '/a/x.pem.ocsp',
      '/b/x.pem.ocsp',
    ])
    expect(pathTemplate('/s/{name}.ocsp')({ ...input, sources })).toEqual(['/s/x.ocsp'])
    expect(pathTemplate('/s/{serial}.ocsp')({ ...input, sources })).toEqual(['/s/00c0ffee.ocsp'])
    expect(pathTemplate('{source}.ocsp')({ ...input, sources: [] })).toEqual([])
  })

  test.each([
    ['../../etc/cron.d/job', '_._.._etc_cron.d_job'],
    ['..', '_.'],
    ['', '_'],
    ['a\0b\nc', 'a_b_c'],
    ['{source}', '_source_'],
    ['$&', '__'],
    ['x'.repeat(500), 'x'.repeat(200)],
  ])('lets the name %j out of no folder', (name, safe) => {
    expect(pathTemplate('/s/{domain}')({ ...input, name })).toEqual([`/s/${safe}`])
  })

  test.each([
    [
      '/s/{host}.ocsp',
      "output path '/s/{host}.ocsp' has the unknown placeholder {host}; use {source}",
    ],
    ['/s/{constructor}', 'unknown placeholder {constructor}'],
    ['/s/{}', 'unknown placeholder {}'],
    ['staples/{name}.ocsp', 'is not absolute; begin it with /, {source} or {dir}'],
    ['{name}.ocsp', 'is not absolute'],
    ['', 'is not absolute'],
    ['{source}', 'names no file of its own'],
    ['/s/', 'names no file of its own'],
  ])('refuses %j', (template, message) => {
    expect(() => pathTemplate(template)).toThrow(PathTemplateError)
    expect(() => pathTemplate(template)).toThrow(message)
  })
})
