import { collectDefaultMetrics } from 'prom-client'
import type { ActivityInterceptorsFactory } from '@temporalio/worker'
import type { Store } from '../../model/ports.ts'
import { observe } from './observe.ts'
import { createSeries } from './series.ts'
import { serveMetrics, type MetricsEndpoint } from './server.ts'
import { stateReader } from './state.ts'

export { createSeries } from './series.ts'
export { metricsEndpoint, type MetricsEndpoint } from './server.ts'

export interface Metrics {
  port: number
  /** Counts the steps of a worker. */
  interceptor: ActivityInterceptorsFactory
  close(): Promise<void>
}

const CORE_MS = 2_000

/**
 * Measures this process and serves it at `endpoint`, with the state that the store knows over all workers, and with what the Temporal SDK
 * tells at `core` (an address on this machine).
 */
export async function openMetrics(endpoint: MetricsEndpoint, options: { store: Store | undefined; core: string | null }): Promise<Metrics> {
  const series = createSeries()
  collectDefaultMetrics({ register: series.registry })
  const observed = observe(series)
  const state = options.store ? stateReader(options.store, series) : async () => undefined
  const render = async (): Promise<{ type: string; text: string }> => {
    const [core] = await Promise.all([coreMetrics(options.core), state()])
    return { type: series.registry.contentType, text: `${await series.registry.metrics()}${core}` }
  }
  const server = await serveMetrics(endpoint, render).catch((error: unknown) => {
    observed.close()
    throw error
  })
  return {
    port: server.port,
    interceptor: observed.interceptor,
    async close() {
      observed.close()
      await server.close()
    },
  }
}

/** The series of the Temporal SDK (`temporal_*`): task slots, pollers, latencies. '' when they cannot be had. */
async function coreMetrics(address: string | null): Promise<string> {
  if (address === null) return ''
  try {
    const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(CORE_MS) })
    return answer.ok ? await answer.text() : ''
  } catch {
    return ''
  }
}
