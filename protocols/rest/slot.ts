import type { Position } from '../../model/index.ts'
import type { Call } from './call.ts'
import { fetchPage } from './fetch-page.ts'
import type { FailedPage, FetchedPage } from './fetch-page.ts'

/** A page under way. */
export interface Slot {
  /** Next cursor, guessed from the page's bytes before it is parsed; null when there is no guess. Settles with `outcome` at the latest. */
  hint: Promise<string | null>
  outcome: Promise<FetchedPage | FailedPage>
  /** Gives the page up; whatever becomes of it is ignored. Resolves when its request is gone. */
  drop(): Promise<void>
}

/** Begins to read the page at a position. */
export function begin(call: Call, position: Position | null): Slot {
  call.begun++
  const own = new AbortController()
  const outer = call.options.signal
  const onAbort = () => own.abort(outer.reason)
  if (outer.aborted) onAbort()
  else outer.addEventListener('abort', onAbort, { once: true })
  let guess: (cursor: string | null) => void = () => {}
  const hint = new Promise<string | null>((resolve) => {
    guess = resolve
  })
  const outcome = fetchPage(call, position, own.signal, guess).finally(() => outer.removeEventListener('abort', onAbort))
  // Looked at later, or never when it is dropped.
  const settled = outcome.then(() => {}, () => {}).then(() => guess(null))
  return {
    hint,
    outcome,
    drop() {
      own.abort()
      return settled
    },
  }
}
