import { EXIT } from './output.ts'

export interface Interruption {
  /** Aborted by the first Ctrl-C (or SIGTERM). */
  readonly signal: AbortSignal
  /** Listens no longer. */
  end(): void
}

/** Listens to Ctrl-C and SIGTERM: `first` is called once; the second one calls `leave` and ends the process at once. */
export function interruption(first: () => void, leave: () => void): Interruption {
  const stop = new AbortController()
  const interrupt = (): void => {
    if (stop.signal.aborted) {
      leave()
      process.exit(EXIT.cancelled)
    }
    first()
    stop.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, interrupt)
  return {
    signal: stop.signal,
    end: () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, interrupt)
    },
  }
}
