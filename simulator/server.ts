import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { IsthmusError } from '../model/errors.ts'
import { Gate } from './admit.ts'
import type { Mutation } from './control.ts'
import { configure, mutate } from './control.ts'
import { DataRoute } from './data-route.ts'
import { Dataset } from './data/dataset.ts'
import type { CollectionName } from './data/types.ts'
import { Limits } from './http/limits.ts'
import { JwtCheck } from './oauth/jwt.ts'
import { Tokens } from './oauth/tokens.ts'
import type { LiveOptions, SimulatorOptions } from './options.ts'
import { parseOptions } from './options.ts'
import { Router } from './router.ts'
import { SinkRoute } from './sink/route.ts'
import { Sink, type SinkRecord } from './sink/sink.ts'
import type { SimulatorStats } from './stats.ts'
import { Recorder } from './stats.ts'

/** A running simulator. */
export interface Simulator {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string
  readonly port: number
  /** A copy of what was counted since the start or the last reset. */
  stats(): SimulatorStats
  /** Starts counting anew, also the numbers of data requests that faults are placed by. */
  resetStats(): void
  /** Changes faults, limits, latency and so on from the next request on. Throws InvalidInput. */
  configure(change: LiveOptions): void
  /** Appends, inserts, deletes or changes records; gives the collection's new total. Throws InvalidInput. */
  mutate(change: Mutation): number
  /** The JSON text of a record as it is now (`index` from 0 in the order of creation), or null. */
  record(collection: CollectionName, index: number): string | null
  /** What the sink holds of a collection, in the order it was created. */
  sink(collection: string): SinkRecord[]
  /** Stops; open connections are dropped. */
  close(): Promise<void>
}

/** Starts a simulated HTTP API. Every option has a default: loopback, a free port, no sign-in, no faults. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const config = parseOptions(options)
  const { seed, tieGroup, poisonEvery, records } = config
  const dataset = new Dataset({ seed, tieGroup, poisonEvery, customers: records.customers }, records)
  const sink = new Sink(config)
  const recorder = new Recorder(config, sink)
  const limits = new Limits(config)
  const oauth = { config, tokens: new Tokens(config, recorder), jwt: new JwtCheck(config.credentials) }
  const control = { config, dataset, recorder, sink }
  const gate = new Gate(oauth, limits)
  const router = new Router(control, oauth, new DataRoute({ ...control, limits, gate }), new SinkRoute({ ...control, gate }))
  // Clients keep connections longer than Node's 5 s; a server that hangs up first would add resets nobody asked for.
  const server = createServer({ keepAliveTimeout: 75_000 }, (req, res) => {
    res.on('error', () => {})
    void router.handle(req, res)
  })
  await listen(server, config.host, config.port)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
    port,
    stats: () => recorder.snapshot(),
    resetStats: () => recorder.reset(),
    configure: (change) => configure(change, control),
    mutate: (change) => mutate(change, control),
    sink: (collection) => [...sink.records(collection)],
    record: (collection, index) => dataset.record(collection, index),
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const message = error.code === 'EADDRINUSE' ? `port ${port} of ${host} is in use` : `cannot listen on ${host}:${port} (${error.code ?? error.message})`
      fail(new IsthmusError('InvalidInput', message, { field: 'port', cure: 'take another --port, or 0 for a free one', cause: error }))
    })
    server.listen(port, host, done)
  })
}
