import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Distinct values of a label that are kept; what comes later counts as `other`. */
const MOST = 1_000

/** Labels with many values (connections of customers) stay bounded. */
export class Bounded {
  readonly #seen = new Set<string>()

  label(value: string): string {
    if (this.#seen.has(value)) return value
    if (this.#seen.size >= MOST) return 'other'
    this.#seen.add(value)
    return value
  }
}

/** Every series of a worker: what this process did, and (set from the store when asked for) how everything stands over all workers. */
export function createSeries() {
  const registry = new Registry()
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) => new Counter<L>({ name: `isthmus_${name}`, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) => new Gauge<L>({ name: `isthmus_${name}`, help, labelNames, registers })
  const histogram = <L extends string>(name: string, help: string, labelNames: L[], buckets: number[]) => new Histogram<L>({ name: `isthmus_${name}`, help, labelNames, buckets, registers })
  return {
    registry,
    // Of this process.
    requests: counter('http_requests_total', 'HTTP requests by connection and class of status (2xx, 3xx, 4xx, 429, 5xx, none: no answer).', ['connection', 'status']),
    requestSeconds: histogram('http_request_duration_seconds', 'Time of an HTTP request until its answer is whole.', ['connection'], [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]),
    waitSeconds: counter('wait_seconds_total', 'Time waited by connection and reason: pacing (inside of a step), throttled (429 or an allowance that is used up), interrupted (outages).', ['connection', 'reason']),
    records: counter('records_total', 'Records by sync, stream and effect: read, inserted, updated, unchanged, deleted, filtered, rejected.', ['sync', 'stream', 'effect']),
    tokens: counter('token_refreshes_total', 'Tokens asked for at providers by outcome: refreshed, failed, reconnect (a person has to sign in again).', ['connection', 'outcome']),
    runs: counter('runs_total', 'Runs that ended here, by outcome.', ['sync', 'outcome']),
    parks: counter('parks_total', 'Times that streams stopped and waited for a person, by type of error.', ['sync', 'error']),
    steps: counter('steps_total', 'Steps (activities) by outcome: ok, failed, cancelled.', ['step', 'outcome']),
    stepSeconds: histogram('step_duration_seconds', 'Time of a step.', ['step'], [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60]),
    stepsRunning: gauge('steps_running', 'Steps under way in this process.', ['step']),
    // Over all workers, from the store.
    up: gauge('store_up', '1 when the store could be asked.', []),
    lastSuccess: gauge('stream_last_success_timestamp_seconds', 'When a stream last completed.', ['sync', 'stream']),
    lag: gauge('stream_lag_seconds', 'Age of the last success of a stream; since it was first run when there was none.', ['sync', 'stream']),
    watermarkAge: gauge('stream_watermark_age_seconds', 'Age of the highest committed value of the incremental field, where that is a time.', ['sync', 'stream']),
    target: gauge('stream_freshness_target_seconds', 'Freshness target of a stream.', ['sync', 'stream']),
    parked: gauge('stream_parked', '1 while a stream waits for a person.', ['sync', 'stream']),
    rejectsOpen: gauge('rejects_open', 'Records that were set aside and wait.', ['sync', 'stream']),
    breaker: gauge('breaker_open', '1 while the circuit breaker of an account is open.', ['connection']),
    reconnect: gauge('connection_needs_reconnect', '1 while a person has to sign in again.', ['connection']),
    runsOpen: gauge('runs_open', 'Runs under way or parked.', []),
    problemsOpen: gauge('problems_open', 'Open problems by kind and severity.', ['kind', 'severity']),
    alertsPending: gauge('alerts_pending', 'Alerts that wait to be delivered.', []),
  }
}

export type Series = ReturnType<typeof createSeries>
