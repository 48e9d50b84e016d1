import type { HeardLimits, Permit, RequestEnd } from '../../model/pacer.ts'

/** A request from its place to its end; moments of `performance.now()`. */
export interface Use {
  /** Number of its place; null when no window counts it. */
  n: number | null
  probe: boolean
  /** Whose request it is. */
  stream: string
  askedAt: number
  sentAt: number
  endedAt: number
}

export function createPermit(n: number | null, probe: boolean, stream: string, askedAt: number, ended: (use: Use, end: RequestEnd, heard: HeardLimits | null) => Promise<void>): Permit {
  const use: Use = { n, probe, stream, askedAt, sentAt: performance.now(), endedAt: 0 }
  let over = false
  return {
    sent() {
      use.sentAt = performance.now()
    },
    release(end, heard = null) {
      if (over) return Promise.resolve()
      over = true
      use.endedAt = performance.now()
      return ended(use, end, heard)
    },
  }
}
