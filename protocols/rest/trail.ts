import { createHash } from 'node:crypto'

const REMEMBERED = 65_536

/** Remembers where a scan has been, in bounded memory. */
export interface Trail {
  /** false when this cursor or address came before in the scan. */
  add(key: string): boolean
}

/**
 * Exact for the last 65,536 places. Longer cycles are found with one more place, moved on at every power of two
 * (R. P. Brent, "An improved Monte Carlo factorization algorithm", 1980): nothing can go round for ever.
 */
export function createTrail(): Trail {
  const recent = new Set<string>()
  let mark = ''
  let steps = 0
  let moveAt = 1
  return {
    add(key) {
      const place = createHash('sha256').update(key).digest('base64').slice(0, 16)
      if (recent.has(place) || place === mark) return false
      recent.add(place)
      if (recent.size > REMEMBERED) recent.delete(recent.values().next().value!)
      if (++steps === moveAt) {
        mark = place
        moveAt *= 2
      }
      return true
    },
  }
}
