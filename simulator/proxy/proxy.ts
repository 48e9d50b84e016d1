import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Spoiled } from './spoil.ts'
import { faultOf, type ProxyFaultKind } from './plan.ts'

export interface ProxyOptions {
  /** Where connections go on to. */
  target: { host: string; port: number }
  /** Decides which connections are spoilt, how and after how many bytes. Default 1. */
  seed?: number
  /** How many connections are spoilt before all are left alone. */
  faults: number
  /** Connections left alone before the first fault. Default 1. */
  spare?: number
  /** What may happen. Default: all kinds. */
  kinds?: ProxyFaultKind[]
  /** A fault comes after so many bytes of a direction: at least and at most. Default 1,000 to 200,000. */
  bytes?: [number, number]
  /** How long a `stall` lasts before the connection is dropped, and how late a `late` connection is. Default 8,000 and 150. */
  stallMs?: number
  lateMs?: number
}

/** A TCP proxy on loopback that spoils connections. */
export interface FaultProxy {
  readonly port: number
  /** Faults that have happened, by kind. */
  fired(): Record<string, number>
  connections(): number
  /** Drops everything. */
  close(): Promise<void>
}

/**
 * Starts a proxy before `target`. The nth fault is the same under the same seed; a connection that ends before its fault leaves it to the next one.
 */
export async function startProxy(options: ProxyOptions): Promise<FaultProxy> {
  const { target, seed = 1, spare = 1 } = options
  const fired: Record<string, number> = {}
  const sockets = new Set<Socket>()
  const faults = Array.from({ length: options.faults }, (_, n) => faultOf(options, seed, n))
  let connections = 0
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const n = connections++
    const far = connect({ ...target, allowHalfOpen: true })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.once('close', () => sockets.delete(socket))
    }
    // One end is gone: so is the other, in the same way.
    near.once('close', (error) => (error ? far.resetAndDestroy() : far.destroy()))
    far.once('close', (error) => (error ? near.resetAndDestroy() : near.destroySoon()))
    const fault = n >= spare ? faults.shift() : undefined
    const spoilt = fault && new Spoiled(near, far, fault, () => (fired[fault.kind] = (fired[fault.kind] ?? 0) + 1))
    near.once('close', () => void (spoilt?.happened === false && faults.unshift(fault!)))
    pump(near, far, (piece) => spoilt?.passes('up', piece) ?? piece)
    pump(far, near, (piece) => spoilt?.passes('down', piece) ?? piece)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    fired: () => ({ ...fired }),
    connections: () => connections,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** Carries bytes on, through `through`: what it gives goes out, at once or later; null is dropped. */
function pump(from: Socket, to: Socket, through: (piece: Buffer) => Buffer | Promise<Buffer | null>): void {
  let tail: Promise<void> = Promise.resolve()
  from.on('data', (piece: Buffer) => {
    const out = through(piece)
    from.pause()
    tail = tail.then(async () => {
      const bytes = await out
      if (bytes && bytes.length > 0 && !to.destroyed) await new Promise<void>((done) => to.write(bytes, () => done()))
      from.resume()
    })
  })
  from.once('end', () => void tail.then(() => to.end()))
}
