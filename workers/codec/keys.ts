import type { PayloadKeys } from '../../model/connections.ts'

/** So long this process may go on encrypting with the key before the newest. */
const FRESH_MS = 10_000

/**
 * Keys that follow a rotation: the current one is looked up again beside the work, at most every 10 s while something is encrypted. A database
 * that does not answer stops nothing: the last known key goes on.
 */
export async function followingKeys(load: () => Promise<PayloadKeys>, freshMs: number = FRESH_MS): Promise<PayloadKeys> {
  let keys = await load()
  let at = performance.now()
  let looking = false
  const look = async (): Promise<void> => {
    looking = true
    keys = await load().catch(() => keys)
    at = performance.now()
    looking = false
  }
  return {
    get current() {
      if (!looking && performance.now() - at > freshMs) void look()
      return keys.current
    },
    get: (id) => keys.get(id),
  }
}
