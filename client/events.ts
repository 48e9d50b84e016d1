import { createHash } from 'node:crypto'
import { IsthmusError } from '../model/errors.ts'
import { redactor } from '../model/redact/index.ts'
import type { ProgressEvent } from './handle.ts'

export interface EventOptions {
  /** Ends the stream at once: give the one that fires when the browser goes away. */
  signal?: AbortSignal
  /** A comment is sent when nothing else was for so long, so that proxies keep the connection. Default 15 s. */
  heartbeatMs?: number
  /** The `Last-Event-ID` of a reader that comes back: a state it has seen is not sent again. Unknown ones count for nothing. */
  lastEventId?: string
}

/**
 * A run as server-sent events: `progress` whenever it changed, then `end` with the receipt when the run has ended or waits for a person
 * (outcome `parked`), or `error`. The data are JSON. Each state is whole and its id names it, so that a reader that comes back misses nothing.
 * A browser closes its EventSource at `end` and `error`; else it would ask again.
 */
export async function* sentEvents(handle: { progress(signal: AbortSignal): AsyncGenerator<ProgressEvent> }, { signal, heartbeatMs = 15_000, lastEventId = '' }: EventOptions = {}): AsyncGenerator<string> {
  const left = new AbortController()
  const stop = signal ? AbortSignal.any([signal, left.signal]) : left.signal
  const states = handle.progress(stop)
  let next = states.next()
  try {
    for (;;) {
      const state = await within(next, heartbeatMs)
      if (stop.aborted) return
      if (state === null) {
        yield ': still here\n\n'
        continue
      }
      if (state.done) return
      const { run, outcome, receipt } = state.value
      const id = createHash('sha256').update(JSON.stringify(state.value)).digest('base64url').slice(0, 16)
      if (lastEventId === `${id}.end`) return
      if (lastEventId !== id) yield frame('progress', state.value, id)
      if (outcome !== 'running') return yield frame('end', { run, outcome, receipt }, `${id}.end`)
      next = states.next()
    }
  } catch (error) {
    yield frame('error', error instanceof IsthmusError ? { type: error.type, message: redactor.text(error.message) } : { type: 'Error', message: 'the run cannot be followed now' })
  } finally {
    // A reader that went away is noticed at the next frame at the latest; nothing is asked any more then.
    left.abort()
    next.catch(() => undefined)
  }
}

/** One event of a stream. */
export function frame(event: string, data: unknown, id?: string): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n${id === undefined ? '' : `id: ${id}\n`}\n`
}

/** null when it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([promise, new Promise<null>((resolve) => (timer = setTimeout(resolve, ms, null)))])
  } finally {
    clearTimeout(timer)
  }
}
