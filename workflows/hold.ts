import { ApplicationFailure, isCancellation, setHandler, type ChildWorkflowHandle } from '@temporalio/workflow'
import { heldSignal, pauseUpdate, resumeUpdate, type PauseNote } from './messages.ts'
import type { stream } from './stream.ts'

type Child = ChildWorkflowHandle<typeof stream>

/** Whether a run is paused, told to the streams that work. */
export interface Hold {
  /** A stream has begun. */
  add(name: string, child: Child): void
  /** A stream has ended. */
  remove(name: string): void
}

/** Sets the update handlers of a run; `changed` hears what a person said who paused it, or null when it goes on. */
export function openHold(changed: (held: PauseNote | null) => void): Hold {
  const children = new Map<string, Child>()
  let held: PauseNote | null = null
  const tell = async (child: Child): Promise<void> => {
    await child.signal(heldSignal, held).catch((error: unknown) => {
      // A stream that ends in this moment needs no word.
      if (isCancellation(error)) throw error
    })
  }
  async function set(now: PauseNote | null): Promise<void> {
    held = now
    changed(now)
    await Promise.all([...children.values()].map(tell))
  }
  // Whoever sends it from the Temporal UI gives a text, or nothing.
  setHandler(pauseUpdate, (said) => set({ note: String((typeof said === 'string' ? said : said?.note) ?? '').slice(0, 500) }))
  setHandler(resumeUpdate, () => set(null), {
    validator: () => {
      if (!held) throw ApplicationFailure.nonRetryable('the run is not paused', 'InvalidInput')
    },
  })
  return {
    add(name, child) {
      children.set(name, child)
      if (held) void tell(child)
    },
    remove(name) {
      children.delete(name)
    },
  }
}
