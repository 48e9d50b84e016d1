import { IsthmusError } from '../model/errors.ts'
import type { Alert, WatchStore } from '../model/watch/index.ts'
import { sinkName, type AlertSink, type Environment } from '../project/index.ts'
import { sendAlert } from './sinks/index.ts'

/** Longer than a sink takes: who claimed an alert and has not settled it by then is dead. */
const LEASE_MS = 90_000
const BATCH = 20
/** What was claimed and not begun by then is given back. */
const BEGUN_MS = 15_000
/** Pauses between tries: 5 s, doubled, at most an hour; given up after about two days. */
const FIRST_RETRY_MS = 5_000
const LAST_RETRY_MS = 3_600_000
const MAX_TRIES = 58

/** When an alert that failed is tried again, in ms; null when it is given up. */
export function retryAfter(tries: number): number | null {
  return tries >= MAX_TRIES ? null : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries, 20))
}

/**
 * Sends the alerts that are due. One is claimed before it is sent and settled afterwards: a process that dies in between leaves it to the
 * next, so each is sent at least once, and a second time only then. No receiver waits for another one, and after `begunMs` no alert is begun,
 * however many are left: the caller looks after everything else, too.
 */
export async function deliverAlerts(store: WatchStore, sinks: AlertSink[], environment: Environment, signal: AbortSignal, { begunMs = BEGUN_MS }: { begunMs?: number } = {}): Promise<{ sent: number; failed: number }> {
  const until = performance.now() + begunMs
  const busy = new Map<string, Promise<void>>()
  const errors: unknown[] = []
  const over = (): boolean => signal.aborted || errors.length > 0 || performance.now() > until
  let sent = 0
  let failed = 0
  const work = async (alerts: Alert[]): Promise<void> => {
    for (const [i, alert] of alerts.entries()) {
      if (over()) return store.releaseAlerts(alerts.slice(i).map((a) => a.id))
      if (await deliver(store, sinks, alert, environment, signal)) sent += 1
      else failed += 1
    }
  }
  for (;;) {
    const claimed = over() ? [] : await store.claimAlerts(LEASE_MS, BATCH, [...busy.keys()]).catch((error: unknown) => (errors.push(error), []))
    for (const [sink, alerts] of bySink(claimed)) busy.set(sink, work(alerts).catch((error: unknown) => void errors.push(error)).finally(() => busy.delete(sink)))
    if (claimed.length === 0 && busy.size > 0) await Promise.race(busy.values())
    else if (busy.size === 0) break
  }
  if (errors.length > 0) throw errors[0]
  return { sent, failed }
}

/** To one sink in turn, to several side by side. */
function bySink(alerts: Alert[]): [string, Alert[]][] {
  return [...new Set(alerts.map((a) => a.sink))].map((sink) => [sink, alerts.filter((a) => a.sink === sink)])
}

async function deliver(store: WatchStore, sinks: AlertSink[], alert: Alert, environment: Environment, signal: AbortSignal): Promise<boolean> {
  const sink = sinks.find((s) => sinkName(s) === alert.sink)
  try {
    if (!sink) throw new IsthmusError('NotFound', `isthmus.config names no alert ${alert.sink} any more`)
    await sendAlert(sink, alert, environment, signal)
  } catch (error) {
    if (signal.aborted) return false
    const reason = error instanceof IsthmusError ? `${error.message}${error.cure ? `. Cure: ${error.cure}` : ''}` : 'it could not be sent'
    await store.alertFailed(alert.id, reason, sink ? retryAfter(alert.tries) : null)
    return false
  }
  await store.alertSent(alert.id)
  return true
}
