import type { Counts, PostResult, StagedRows } from '../model/run.ts'

export function noCounts(): Counts {
  return {
    read: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0, filtered: 0, rejected: 0, removed: 0,
    pages: 0, requests: 0, chunks: 0, bytes: 0,
  }
}

export function addCounts(into: Counts, more: Counts): void {
  for (const key of Object.keys(into) as (keyof Counts)[]) into[key] += more[key]
}

/** The receipt's equation: what was read is what took effect, was filtered or was set aside. */
export function balanced(c: Counts): boolean {
  return c.read === c.inserted + c.updated + c.unchanged + c.deleted + c.filtered + c.rejected
}

/** Counts of one committed chunk. */
export function chunkCounts(rows: StagedRows, posted: PostResult): Counts {
  return {
    ...noCounts(),
    read: rows.read,
    inserted: posted.inserted,
    updated: posted.updated,
    unchanged: posted.unchanged,
    deleted: posted.deleted,
    filtered: rows.filtered,
    rejected: rows.rejected + posted.refused,
    chunks: 1,
  }
}

/** `1234567` as `1,234,567`. */
export function grouped(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',')
}
