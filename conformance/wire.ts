import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Fault, Passed, Proxy } from './proxy.ts'

/** Bytes of answers after which a connection that is cut breaks. */
const CUT_AFTER = 48 * 1024

/**
 * The same between a reader and a database: connections are passed on as they are. Of the faults it knows `break` and `cut`, for each connection.
 * '' is no server at all.
 */
export async function startWire(upstream: string): Promise<Proxy> {
  const proxy: Proxy = { url: '', passed: [], fault: null, close: async () => {} }
  if (upstream === '') return proxy
  const target = new URL(upstream)
  const open = new Set<Socket>()
  const server = createServer((near) => {
    const one: Passed = { nth: proxy.passed.length, method: 'CONNECT', path: '', headers: {}, body: '', atMs: Date.now(), status: 0 }
    proxy.passed.push(one)
    const fault: Fault | null = proxy.fault?.(one) ?? null
    if (fault?.kind === 'break') return void near.destroy()
    const far = connect({ host: target.hostname, port: Number(target.port || 5432) })
    const end = (): void => void (near.destroy(), far.destroy())
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('error', end).on('close', () => (end(), open.delete(socket)))
    }
    near.pipe(far)
    let bytes = 0
    far.on('data', (part: Buffer) => {
      bytes += part.length
      if (fault?.kind === 'cut' && bytes > CUT_AFTER) return end()
      near.write(part)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(upstream)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  proxy.url = url.href
  proxy.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of open) socket.destroy()
    })
  return proxy
}
