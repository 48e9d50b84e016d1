import { createServer, type AddressInfo } from 'node:net'
import { createServer as createHttp } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { Agent, request } from 'undici'
import { startProxy, type FaultProxy, type ProxyFaultKind, type ProxyOptions } from './index.ts'

const BODY = Buffer.alloc(400_000, 'x')
const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

/** A server that answers with 400 kB, and a proxy before it. */
async function both(options: Omit<ProxyOptions, 'target'>): Promise<{ proxy: FaultProxy; get(): Promise<number> }> {
  const server = createHttp((_req, res) => void res.end(BODY)).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  open.push({ close: () => (server.closeAllConnections(), server.close()) })
  const proxy = await startProxy({ target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, ...options })
  open.push(proxy)
  return {
    proxy,
    async get() {
      // A connection each.
      const dispatcher = new Agent({ headersTimeout: 3_000, bodyTimeout: 3_000 })
      try {
        const { body } = await request(`http://127.0.0.1:${proxy.port}/`, { dispatcher })
        return (await body.arrayBuffer()).byteLength
      } finally {
        await dispatcher.destroy()
      }
    },
  }
}

describe('the fault proxy', () => {
  it.each(['reset', 'cut', 'stall'] as ProxyFaultKind[])('breaks a connection by %s, and leaves the others alone', async (kind) => {
    const { proxy, get } = await both({ faults: 1, kinds: [kind], stallMs: 300, bytes: [1_000, 1_001] })
    expect(await get()).toBe(BODY.length)
    await expect(get()).rejects.toThrow()
    expect(await get()).toBe(BODY.length)
    expect(proxy.fired()).toEqual({ [kind]: 1 })
    expect(proxy.connections()).toBe(3)
  })

  it('delays', async () => {
    const { get } = await both({ faults: 1, spare: 0, kinds: ['late'], lateMs: 400, bytes: [1, 2] })
    const began = performance.now()
    expect(await get()).toBe(BODY.length)
    expect(performance.now() - began).toBeGreaterThan(390)
  })

  it('does the same under the same seed', async () => {
    const kinds = async (seed: number) => {
      const { proxy, get } = await both({ faults: 6, spare: 0, seed, lateMs: 1, stallMs: 50 })
      const ends = []
      for (let n = 0; n < 6; n += 1) ends.push(await get().catch((error: { code?: string }) => error.code))
      return [ends.map((e) => typeof e), proxy.fired()]
    }
    expect(await kinds(3)).toEqual(await kinds(3))
    expect(await kinds(3)).not.toEqual(await kinds(5))
  })

  it('passes an orderly end of one side on', async () => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
    await new Promise((done) => echo.once('listening', done))
    open.push({ close: () => echo.close() })
    const proxy = await startProxy({ target: { host: '127.0.0.1', port: (echo.address() as AddressInfo).port }, faults: 0 })
    open.push(proxy)
    const { connect } = await import('node:net')
    const socket = connect(proxy.port, '127.0.0.1')
    socket.end('hello')
    let text = ''
    for await (const piece of socket) text += String(piece)
    expect(text).toBe('hello')
  })
})
