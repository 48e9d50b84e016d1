/** Ctrl-C reaches a command twice that npx or npm started: from the terminal, and passed on by them. Within this time, ms, it is one. */
export const SAME_MS = 1_000
/** As shells say it of a process that was interrupted. */
const EXIT_INTERRUPTED = 130

export interface StopRequest {
  /** Aborted when the worker is to drain. */
  readonly signal: AbortSignal
  /** As the first SIGTERM does. */
  ask(): void
}

/**
 * Listens to SIGTERM and SIGINT: the first one asks to drain; another one, a second or more later, calls `leave` and ends the process at once with 130.
 * What is under way then is begun again as after a kill.
 */
export function stopSignals(leave: () => void): StopRequest {
  const stop = new AbortController()
  let asked = 0
  const ask = (): void => {
    asked ||= Date.now()
    stop.abort()
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (!stop.signal.aborted) return ask()
      if (Date.now() - asked < SAME_MS) return
      leave()
      process.exit(EXIT_INTERRUPTED)
    })
  }
  return { signal: stop.signal, ask }
}
