import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DAY_MS, type EpochMs, HOUR_MS, plus, SECOND_MS } from '../../src/der/time.ts'
import type { LabCertificate } from '../../src/lab/ca.ts'
import { buildResponse } from '../../src/lab/response-builder.ts'

/** An OCSP responder that has something newer each time that it is asked. */
export interface RenewingResponder extends AsyncDisposable {
  /** For the certificate with this number. */
  url(number: number): string
  /** What it answers for, by number. */
  answerFor(leaves: readonly LabCertificate[], issuer: LabCertificate): void
}

/** Starts one; its first thisUpdate is two hours past, so that no staple is put off for being too fresh. */
export async function startRenewingResponder(now: EpochMs): Promise<RenewingResponder> {
  let known: readonly LabCertificate[] = []
  let signer: LabCertificate | undefined
  let asked = 0
  const server = createServer((request, response) => {
    const leaf = known[Number(request.url?.split('/')[1])]
    if (leaf === undefined || signer === undefined) return response.writeHead(404).end()
    const thisUpdate = plus(now, -2 * HOUR_MS + SECOND_MS * asked++)
    const certID = { certificate: leaf.certificate, issuer: signer.certificate }
    const times = { thisUpdate, nextUpdate: plus(thisUpdate, 4 * DAY_MS) }
    const body = buildResponse({ responses: [{ certID, ...times }], signer })
    return response
      .writeHead(200, {
        'content-type': 'application/ocsp-response',
        'content-length': body.length,
      })
      .end(body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: (number) => `http://127.0.0.1:${port}/${number}`,
    answerFor(leaves, issuer) {
      known = leaves
      signer = issuer
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}
