import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { shakeHands } from './handshake.ts'

it('shakeHands() ends at once when it is told to', async () => {
  const sockets: Socket[] = []
  const silent = createServer((socket) => sockets.push(socket.on('error', () => {})))
  await once(silent.listen(0, '127.0.0.1'), 'listening')
  const { port } = silent.address() as AddressInfo
  const target = { label: '', host: '127.0.0.1', port, servername: undefined }
  const ending = new AbortController()
  const shaken = shakeHands(target, { tls: '1.3', key: 'rsa' }, { signal: ending.signal })
  await once(silent, 'connection')
  ending.abort()
  expect((await shaken).kind).toBe('failed')
  for (const socket of sockets) socket.destroy()
  silent.close()
})
