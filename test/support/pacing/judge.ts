import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as the judge saw it. */
export interface Arrival {
  atMs: number
  who: string
  status: number
  /** Requests under way with it. */
  underWay: number
}

export interface Judge {
  url: string
  arrivals: Arrival[]
  /** Arrivals that broke a window or the cap; judged by a strict sliding log of those let in. */
  over(): Arrival[]
  close(): Promise<void>
}

export interface JudgeOptions {
  limits?: { requests: number; ms: number }[]
  cap?: number
  latencyMs?: number | (() => number)
  /** Headers of an answer; null answers as usual. */
  answer?(req: IncomingMessage, res: ServerResponse, used: (ms: number) => number): boolean
}

/** An API that keeps its limits strictly, as an exact sliding log over arrivals: whatever is too many gets a 429. */
export async function startJudge({ limits = [], cap = Infinity, latencyMs = 10, answer }: JudgeOptions): Promise<Judge> {
  const arrivals: Arrival[] = []
  const admitted: number[] = []
  let underWay = 0
  const used = (ms: number, now = performance.now()): number => {
    let n = 0
    for (let i = admitted.length - 1; i >= 0 && admitted[i]! > now - ms; i--) n++
    return n
  }
  const server = createServer((req, res) => {
    const now = performance.now()
    const full = limits.some((l) => used(l.ms, now) >= l.requests) || underWay >= cap
    const arrival: Arrival = { atMs: now, who: new URL(req.url!, 'http://x').searchParams.get('who') ?? '', status: full ? 429 : 200, underWay: underWay + 1 }
    arrivals.push(arrival)
    if (!full) {
      admitted.push(now)
      underWay++
      let over = false
      const done = () => {
        if (!over) underWay--
        over = true
      }
      res.once('finish', done).once('close', done)
    }
    setTimeout(() => {
      if (res.destroyed) return
      if (!full && answer?.(req, res, used)) {
        arrival.status = res.statusCode
        return
      }
      res.writeHead(arrival.status, { 'content-type': 'application/json' }).end('{}')
    }, typeof latencyMs === 'number' ? latencyMs : latencyMs())
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals,
    over: () => arrivals.filter((a) => a.status === 429),
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
