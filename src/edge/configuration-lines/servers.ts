import { apacheLines } from './apache.ts'
import { caddyLines } from './caddy.ts'
import type { LinesFor } from './configuration-lines.ts'
import { dnsdistLines } from './dnsdist.ts'
import { eximLines } from './exim.ts'
import { haproxyLines } from './haproxy.ts'
import { hitchLines } from './hitch.ts'
import { lighttpdLines } from './lighttpd.ts'
import { natsLines } from './nats.ts'
import { nginxLines } from './nginx.ts'
import { nodeLines } from './node.ts'
import { trafficserverLines } from './trafficserver.ts'

/** A kind of server whose configuration lines are known. */
export interface LinesServer {
  /** As in `outputs[].server`, where it takes files. */
  readonly name: string
  /** How staples reach it, in a few words. */
  readonly way: string
  /** What begins a comment in its configuration. */
  readonly comment: string
  readonly lines: LinesFor
}

/** Every kind of server whose lines are known; each is proven by an end-to-end test with the real server. */
export const linesServers: readonly LinesServer[] = [
  { name: 'nginx', way: 'a file and a reload', comment: '#', lines: nginxLines },
  { name: 'apache', way: 'asks the OCSP endpoint', comment: '#', lines: apacheLines },
  { name: 'haproxy', way: 'a file at start, then the socket', comment: '#', lines: haproxyLines },
  { name: 'lighttpd', way: 'a file and a reload', comment: '#', lines: lighttpdLines },
  { name: 'hitch', way: 'a file, watched', comment: '#', lines: hitchLines },
  { name: 'exim', way: 'a file, read per connection', comment: '#', lines: eximLines },
  { name: 'dnsdist', way: 'a file and a console command', comment: '--', lines: dnsdistLines },
  { name: 'node', way: 'asks the OCSP endpoint', comment: '//', lines: nodeLines },
  { name: 'caddy', way: 'asks the OCSP endpoint', comment: '//', lines: caddyLines },
  { name: 'nats', way: 'asks the OCSP endpoint', comment: '#', lines: natsLines },
  { name: 'trafficserver', way: 'a file and a reload', comment: '#', lines: trafficserverLines },
]
