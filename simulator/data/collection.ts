import { firstStampAt } from './time.ts'
import type { Place } from './types.ts'

/** A run of records whose index and stamp both grow by one. */
interface Segment extends Place {
  count: number
}

/** Bounds of `updated_at` in microseconds: since is included, before is not. Null for open. */
export interface Between {
  sinceUs: number | null
  beforeUs: number | null
}
export const ALL: Between = { sinceUs: null, beforeUs: null }

/** A collection as a handful of segments: records are computed, never held. */
export class Collection {
  #segments: Segment[]
  #nextIndex: number
  #nextStamp: number
  readonly #tieGroup: number

  /** @param count records at the start; @param tieGroup neighbours that share one `updated_at`. */
  constructor(count: number, tieGroup: number) {
    this.#segments = count > 0 ? [{ index: 0, stamp: 0, revision: 0, count }] : []
    this.#nextIndex = count
    this.#nextStamp = count
    this.#tieGroup = tieGroup
  }

  /** How many records there are. */
  get count(): number {
    return this.total(ALL)
  }

  /** How many records there are within the bounds. */
  total(between: Between): number {
    return this.#clipped(between).reduce((sum, s) => sum + s.count, 0)
  }

  /** Up to `count` records from a position, as segments. */
  slice(between: Between, from: number, count: number): Segment[] {
    const out: Segment[] = []
    let skip = from
    let left = count
    for (const s of this.#clipped(between)) {
      if (left <= 0) break
      const take = Math.min(s.count - skip, left)
      if (take > 0) {
        out.push(shifted(s, skip, take))
        left -= take
      }
      skip = Math.max(0, skip - s.count)
    }
    return out
  }

  /** The position after the record with this stamp; 0 when it was deleted (only the front ever is); null when it never was. */
  after(between: Between, stamp: number): number | null {
    if (!Number.isSafeInteger(stamp) || stamp < 0 || stamp >= this.#nextStamp) return null
    let position = 0
    for (const s of this.#clipped(between)) {
      if (stamp >= s.stamp && stamp < s.stamp + s.count) return position + stamp - s.stamp + 1
      position += s.count
    }
    return 0
  }

  /** The record with this identity, if it is there. */
  find(index: number): Place | null {
    const s = this.#segments.find((one) => index >= one.index && index < one.index + one.count)
    return s ? shifted(s, index - s.index, 1) : null
  }

  /** New records at the end: the latest `updated_at`. */
  append(count: number): void {
    const last = this.#segments.at(-1)
    if (last && last.revision === 0 && last.index + last.count === this.#nextIndex && last.stamp + last.count === this.#nextStamp) last.count += count
    else this.#segments.push(this.#fresh(count))
    this.#advance(count)
  }

  /** New records before all others, although their `updated_at` is the latest: every page shifts. */
  insertAtFront(count: number): void {
    this.#segments.unshift(this.#fresh(count))
    this.#advance(count)
  }

  /** The first records vanish: every page shifts the other way. */
  deleteFirst(count: number): void {
    this.#takeFirst(count)
  }

  /** The first records get other amounts and states, and move to the end with the latest `updated_at`. */
  touch(count: number): void {
    for (const s of this.#takeFirst(count)) {
      this.#segments.push({ ...s, stamp: this.#nextStamp, revision: s.revision + 1 })
      this.#nextStamp += s.count
    }
  }

  #fresh(count: number): Segment {
    return { index: this.#nextIndex, stamp: this.#nextStamp, revision: 0, count }
  }

  #advance(count: number): void {
    this.#nextIndex += count
    this.#nextStamp += count
  }

  #takeFirst(count: number): Segment[] {
    const taken = this.slice(ALL, 0, count)
    this.#segments = this.slice(ALL, count, Number.MAX_SAFE_INTEGER)
    return taken
  }

  #clipped(between: Between): Segment[] {
    if (between.sinceUs === null && between.beforeUs === null) return this.#segments
    const from = between.sinceUs === null ? 0 : firstStampAt(between.sinceUs, this.#tieGroup)
    const to = between.beforeUs === null ? Number.MAX_SAFE_INTEGER : firstStampAt(between.beforeUs, this.#tieGroup)
    return this.#segments.flatMap((s) => {
      const skip = Math.max(0, from - s.stamp)
      const count = Math.min(s.count, to - s.stamp) - skip
      return count > 0 ? [shifted(s, skip, count)] : []
    })
  }
}

function shifted(s: Segment, by: number, count: number): Segment {
  return { index: s.index + by, stamp: s.stamp + by, revision: s.revision, count }
}
