/** Records that were set aside, and how they are sent again. Types only. */
import type { ChunkRef } from './run.ts'

/** `superseded`: a newer version of the record was delivered meanwhile, so this one was not written. */
export type RejectState = 'open' | 'delivered' | 'dropped' | 'superseded'

/** What is kept of a record that is set aside. */
export interface NewReject {
  /** Place of the record in the chunk, from 0; negative: line of the rows file that the destination refused, from -1. */
  index: number
  reason: string
  /** Column the reason is about; '' for the whole record. */
  field: string
  /** JSON text: of the source's record, or of the mapped row (column -> text) with kind `row`. */
  raw: string
  /** Default `record`. */
  kind?: 'record' | 'row'
  /** The text is not whole: longer than what is kept, or it held a secret. Default false. */
  cut?: boolean
}

/** A reject without its raw text. */
export interface Reject {
  /** `r17`; stays the same for the life of the reject. */
  id: string
  sync: string
  run: string
  stream: string
  /** Chunk of the run. */
  seq: number
  index: number
  field: string
  /** The last one known. */
  reason: string
  state: RejectState
  /** How often it was sent again. */
  tries: number
  /** Why it was dropped; '' when nothing was said. */
  note: string
  kind: 'record' | 'row'
  cut: boolean
  at: Date
  /** Last time it was sent again, or given up. */
  changedAt: Date | null
}

export interface RejectDetail extends Reject {
  raw: string
}

export interface RejectFilter {
  /** Id of a sync or of a run. */
  of?: string | undefined
  sync?: string | undefined
  stream?: string | undefined
  field?: string | undefined
  ids?: string[] | undefined
  /** Also those that are not open any more. */
  all?: boolean | undefined
}

/** How one reject came out of a retry. */
export interface Settled {
  id: string
  state: RejectState
  /** The new reason of one that stays open, the note of another; '' keeps the old. */
  reason: string
  field: string
}

/** Queries of isthmus.rejects. */
export interface RejectStore {
  /** Idempotent on (run, stream, seq, index); what was settled meanwhile stays so. */
  saveRejects(chunk: ChunkRef, sync: string, rejects: NewReject[]): Promise<void>
  /** Newest first, and how many there are in all. */
  listRejects(filter: RejectFilter & { limit: number }): Promise<{ rejects: Reject[]; total: number }>
  getReject(id: string): Promise<RejectDetail | null>
  /** Open ones with an id above `after`, oldest first: at most 500, and about 16 MiB of raw text. */
  openRejects(filter: RejectFilter, after: string): Promise<RejectDetail[]>
  /** Writes how a retry came out. A repeated call for the same retry counts as one try. Only open ones change. */
  settleRejects(retry: string, settled: Settled[]): Promise<void>
  /** Gives up open ones, with a note. Gives their ids. */
  dropRejects(filter: RejectFilter, note: string): Promise<string[]>
  /** Removes those not open that were settled longer ago than `ms`. */
  purgeRejects(ms: number): Promise<void>
}

/** How a retry ended. Counts of rejects. */
export interface RetryResult {
  sync: string
  tried: number
  delivered: number
  /** Tried and set aside again. */
  kept: number
  superseded: number
  /** Left out by the map function (it gave null): nothing to deliver, closed. */
  filtered: number
  /** Not tried, because only part of the record was kept. */
  cut: number
  /** Rows of the destination. */
  inserted: number
  updated: number
  unchanged: number
}
