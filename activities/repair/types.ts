/** Arguments and results of the activities that repair what was delivered: references and counts only. */
import type { RetryResult } from '../../model/rejects.ts'
import type { RemapCover, RemapDifference } from '../../model/remap.ts'

export interface RepairTarget {
  /** Names this retry or remap, also its files in the stage. */
  id: string
  sync: string
  /** Hash of the stored plan: the sync as it is now. */
  plan: string
}

export interface ResendRequest extends RepairTarget {
  /** '' for all streams. */
  stream: string
  /** [] for all rejects. */
  ids: string[]
  /** Id of the last reject of the batch before; '' at the beginning. */
  after: string
  dry: boolean
}

export interface ResendResult {
  /** Last reject of the batch; the same as before when there are no more. */
  after: string
  more: boolean
  counts: Omit<RetryResult, 'sync'>
}

export interface RemapTarget extends RepairTarget {
  stream: string
}

export interface ListStagedRequest extends RemapTarget {
  /** Newest runs that are taken; 0 for all. */
  runs: number
}

export interface RemapChunksResult {
  /** Chunks mapped by this call, the last of them, and records in them. */
  chunks: number
  last: number
  records: number
  more: boolean
}

/** Counts of a remap's stream; the rows that change are in the store. */
export type RemapCounts = Omit<RemapDifference, 'samples' | 'columns' | 'refused'> & { refused: number; records: number; filtered: number; rejected: number; unknownKeys: number; applied: boolean }

export interface RepairActivities {
  /** Maps the next open rejects with the current mapping, delivers them, and notes how each came out. */
  resendRejects(request: ResendRequest): Promise<ResendResult>
  /** Looks which runs' pages are still staged without a gap. */
  listStaged(request: ListStagedRequest): Promise<Omit<RemapCover, 'since' | 'limit'>>
  /** Maps staged chunks with the new mapping, for about 10 s. */
  remapChunks(request: RemapTarget): Promise<RemapChunksResult>
  /** Compares the mapped rows with the table, and changes it when `apply` says so. */
  remapTable(request: RemapTarget & { apply: boolean }): Promise<RemapCounts>
  /** Removes what a retry or remap left in the stage. */
  cleanUp(target: RepairTarget): Promise<void>
}
