import { setTimeout as sleep } from 'node:timers/promises'

/** A child process that is to run until it is stopped. */
export interface Managed {
  pid: number
  /** Stands in the command line of the process and of no other. */
  marker: string
  /** Resolves when the process has ended, with how. */
  exited: Promise<string>
  stop(): Promise<void>
  /** Ends it at once, without a word. */
  kill?(): void
  /** After the end: why starting it again is no use, or null. */
  gaveUp?(): string | null
}

export type Log = (level: 'info' | 'warn' | 'error', message: string) => void

export interface Kept<T extends Managed> {
  current(): T
  /** Stops the process and the starting again. Idempotent. */
  stop(): Promise<void>
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 15_000
/** A process that came up and ran this long was well: what ended it came from outside. */
const STEADY_MS = 2_000

/**
 * Starts a process (and rejects when the first start fails), then starts it again whenever it ends by itself:
 * at once (250 ms) when it had run for two seconds, however often that happens; one that falls over sooner, or does not come up,
 * waits twice as long each time, up to 15 s. Never gives up.
 */
export async function keepRunning<T extends Managed>(name: string, start: () => Promise<T>, hooks: { log: Log; started(now: T): Promise<void> }): Promise<Kept<T>> {
  const stopping = new AbortController()
  let current = await start()
  await hooks.started(current)

  const loop = (async () => {
    let wait = FIRST_WAIT_MS
    for (;;) {
      const since = Date.now()
      const how = await current.exited
      if (stopping.signal.aborted) return
      const reason = current.gaveUp?.()
      if (reason) {
        hooks.log('error', `${name} stopped: ${reason}`)
        return
      }
      if (Date.now() - since >= STEADY_MS) wait = FIRST_WAIT_MS
      hooks.log('warn', `${name} ${how}; starting it again`)
      for (;;) {
        await sleep(wait, undefined, { signal: stopping.signal }).catch(() => {})
        if (stopping.signal.aborted) return
        wait = Math.min(wait * 2, LONGEST_WAIT_MS)
        try {
          current = await start()
          // Not before: `stop` waits for this loop, and must find the process that runs.
          if (stopping.signal.aborted) return await current.stop()
          await hooks.started(current)
          hooks.log('info', `${name} runs again`)
          break
        } catch (error) {
          hooks.log('error', `${name} does not start: ${(error as Error).message}`)
        }
      }
    }
  })()

  let stopped: Promise<void> | null = null
  return {
    current: () => current,
    stop: () => (stopped ??= (async () => {
      stopping.abort()
      await current.stop()
      await loop
    })()),
  }
}
