import type { Store } from '../../model/ports.ts'
import type { Series } from './series.ts'

/** How long what the store said is shown again: scrapes of several servers ask it once. */
const CACHE_MS = 5_000
/** Streams of which each has its own series. */
const MAX_STREAMS = 2_000
const LATE_MS = 3_000

/** Sets the series that stand in the store, at most once in five seconds. A store that does not answer leaves `isthmus_store_up` 0 and the others absent. */
export function stateReader(store: Store, series: Series): () => Promise<void> {
  let at = -Infinity
  let reading: Promise<void> | null = null
  return async () => {
    if (performance.now() - at < CACHE_MS) return
    reading ??= read(store, series).finally(() => {
      at = performance.now()
      reading = null
    })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        clear(series)
        resolve()
      }, LATE_MS)
    })
    await Promise.race([reading, late])
    clearTimeout(timer)
  }
}

async function read(store: Store, series: Series): Promise<void> {
  try {
    const [streams, accounts, runs, problems, pending] = await Promise.all([store.streamWatches(), store.accountWatches(), store.openRuns(), store.problems({ open: true, limit: 10_000 }), store.alertsPending()])
    clear(series)
    const now = Date.now()
    for (const s of streams.slice(0, MAX_STREAMS)) {
      const of = { sync: s.sync, stream: s.stream }
      if (s.lastSuccessAt) series.lastSuccess.set(of, s.lastSuccessAt.getTime() / 1000)
      series.lag.set(of, (now - (s.lastSuccessAt ?? s.firstAt).getTime()) / 1000)
      if (s.watermarkAt) series.watermarkAge.set(of, (now - s.watermarkAt.getTime()) / 1000)
      if (s.targetMs !== null) series.target.set(of, s.targetMs / 1000)
      series.parked.set(of, s.state === 'parked' ? 1 : 0)
      series.rejectsOpen.set(of, s.rejectsOpen)
    }
    for (const a of accounts.slice(0, MAX_STREAMS)) {
      series.breaker.set({ connection: a.connection }, a.breaker ? 1 : 0)
      series.reconnect.set({ connection: a.connection }, a.reconnect ? 1 : 0)
    }
    series.runsOpen.set(runs)
    for (const p of problems) series.problemsOpen.inc({ kind: p.kind, severity: p.severity })
    series.alertsPending.set(pending.n)
    series.up.set(1)
  } catch {
    clear(series)
  }
}

function clear(series: Series): void {
  for (const s of [series.lastSuccess, series.lag, series.watermarkAge, series.target, series.parked, series.rejectsOpen, series.breaker, series.reconnect, series.problemsOpen, series.runsOpen, series.alertsPending]) s.reset()
  series.up.set(0)
}
