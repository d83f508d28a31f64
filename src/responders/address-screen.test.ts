import { describe, expect, it } from 'vitest'
import { noneAllowed, parseAllowedAddresses, screenAddress } from './address-screen.ts'

describe('screenAddress()', () => {
  it.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700::1111',
    '2001:4860:4860::8888',
    '2a00:1450:4001:81b::2003',
    '::ffff:1.1.1.1',
    '::1.1.1.1',
    '64:ff9b::1.1.1.1',
    '2002:101:101::1',
    '2001:0:101:101::fefe:fefe',
  ])('lets the public %s pass', (address) => {
    expect(screenAddress(address, noneAllowed)).toBeUndefined()
  })

  it.each([
    ['0.0.0.0', 'unspecified (0.0.0.0/8)'],
    ['127.0.0.1', 'loopback (127.0.0.0/8)'],
    ['127.255.255.255', 'loopback (127.0.0.0/8)'],
    ['10.0.0.0', 'private (10.0.0.0/8)'],
    ['172.31.255.255', 'private (172.16.0.0/12)'],
    ['192.168.1.1', 'private (192.168.0.0/16)'],
    ['169.254.169.254', 'link-local (169.254.0.0/16)'],
    ['100.64.0.1', 'shared by carriers (CGNAT) (100.64.0.0/10)'],
    ['192.0.0.8', 'reserved for protocols (192.0.0.0/24)'],
    ['192.0.2.1', 'for documentation (192.0.2.0/24)'],
    ['198.51.100.7', 'for documentation (198.51.100.0/24)'],
    ['203.0.113.7', 'for documentation (203.0.113.0/24)'],
    ['192.88.99.1', 'a 6to4 relay (192.88.99.0/24)'],
    ['198.19.255.255', 'for benchmarks (198.18.0.0/15)'],
    ['224.0.0.1', 'multicast (224.0.0.0/4)'],
    ['255.255.255.255', 'broadcast (255.255.255.255/32)'],
    ['250.0.0.1', 'reserved (240.0.0.0/4)'],
    ['::', 'unspecified (::/128)'],
    ['::1', 'loopback (::1/128)'],
    ['0:0:0:0:0:0:0:1', 'loopback (::1/128)'],
    ['fe80::1', 'link-local (fe80::/10)'],
    ['fe80::1%eth0', 'link-local (fe80::/10)'],
    ['febf::1', 'link-local (fe80::/10)'],
    ['fec0::1', 'site-local (fec0::/10)'],
    ['fd12:3456::1', 'private (unique local) (fc00::/7)'],
    ['ff02::1', 'multicast (ff00::/8)'],
    ['2001:db8::1', 'for documentation (2001:db8::/32)'],
    ['3fff::1', 'for documentation (3fff::/20)'],
    ['64:ff9b:1::a00:1', 'private (local NAT64) (64:ff9b:1::/48)'],
    ['100::1', 'discarded (100::/64)'],
    ['4000::1', 'outside of the public internet (not in 2000::/3)'],
    ['::ffff:127.0.0.1', 'loopback (127.0.0.0/8), as 127.0.0.1 in an IPv6 address'],
    ['::ffff:7f00:1', 'loopback (127.0.0.0/8), as 127.0.0.1 in an IPv6 address'],
    ['0:0:0:0:0:FFFF:10.1.2.3', 'private (10.0.0.0/8), as 10.1.2.3 in an IPv6 address'],
    ['::7f00:1', 'loopback (127.0.0.0/8), as 127.0.0.1 in an IPv6 address'],
    ['::10.0.0.1', 'private (10.0.0.0/8), as 10.0.0.1 in an IPv6 address'],
    ['64:ff9b::a9fe:a9fe', 'link-local (169.254.0.0/16), as 169.254.169.254 in an IPv6 address'],
    ['2002:7f00:1::1', 'loopback (127.0.0.0/8), as 127.0.0.1 in an IPv6 address'],
    ['2002:c0a8:101::', 'private (192.168.0.0/16), as 192.168.1.1 in an IPv6 address'],
    ['2001:0:7f00:1::fefe:fefe', 'loopback (127.0.0.0/8), as 127.0.0.1 in an IPv6 address'],
    ['2001:0:101:101::f5ff:fffe', 'private (10.0.0.0/8), as 10.0.0.1 in an IPv6 address'],
    ['example.com', 'not an IP address'],
    ['127.1', 'not an IP address'],
    ['0x7f000001', 'not an IP address'],
    ['', 'not an IP address'],
  ])('refuses %s: %s', (address, reason) => {
    expect(screenAddress(address, noneAllowed)).toBe(reason)
  })

  it.each([
    [['127.0.0.0/8'], '127.0.0.1', undefined],
    [['127.0.0.0/8'], '::ffff:127.0.0.1', undefined],
    [['127.0.0.0/8'], '10.0.0.1', 'private (10.0.0.0/8)'],
    [['10.1.2.3'], '10.1.2.3', undefined],
    [['10.1.2.3'], '10.1.2.4', 'private (10.0.0.0/8)'],
    [['fd00::/8', '::1'], 'fd12::1', undefined],
    [['fd00::/8', '::1'], '::1', undefined],
    [['fd00::/8'], 'fc00::1', 'private (unique local) (fc00::/7)'],
    [['0.0.0.0/0'], '169.254.169.254', undefined],
  ])('with %j allowed, %s gives %s', (entries, address, reason) => {
    const allowed = parseAllowedAddresses(entries)
    if ('kind' in allowed) throw new Error(allowed.problem)
    expect(screenAddress(address, allowed)).toBe(reason)
  })
})

describe('parseAllowedAddresses()', () => {
  it.each([
    'localhost',
    '',
    '127.0.0.0/33',
    '::/129',
    '127.0.0.0/',
    '127.0.0.0/-1',
    '127.0.0.0/8/8',
    '127.1',
    '10.0.0.0 - 10.0.0.9',
    '10.0.0.0/1.5',
  ])('says what is wrong with %j', (entry) => {
    expect(parseAllowedAddresses(['::1', entry])).toEqual({
      kind: 'invalid',
      problem: `${JSON.stringify(entry)} must be an address as 192.0.2.1, or a prefix as 127.0.0.0/8 or fd00::/8`,
    })
  })
})
