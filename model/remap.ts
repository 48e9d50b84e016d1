/** A changed mapping applied to staged pages. Types only. */
import type { StreamPlan } from './plan.ts'
import type { RowChange } from './ports.ts'

/** A chunk's rows and keys under the new mapping, as files. Lines of both begin with the record's ordinal, which grows over all chunks. */
export interface RemapFiles {
  /** Lines of COPY's text format: ordinal, then the plan's columns. */
  rows: string
  rowCount: number
  /** Lines: ordinal, `f` (filtered) or `r` (rejected), then the key columns: rows of these keys stay as they are. */
  keys: string
  keyCount: number
}

export interface RemapRequest {
  plan: StreamPlan
  streamKey: string
  /** What `mark` told before the staged chunks were listed. */
  mark: string
  /** Older chunks first. */
  files: RemapFiles[]
  /** false changes nothing and only tells the difference. */
  apply: boolean
}

/** What a remap changes in the table, or would. Counts of rows. */
export interface RemapDifference {
  inserted: number
  changed: number
  unchanged: number
  /** mode replace: rows that are no longer there. */
  removed: number
  /** Rows that stay because the new mapping leaves their record out, or rejects it. */
  filteredStays: number
  rejectedStays: number
  /** Left out: no row of their key is there, and the stream removes rows, so they may be gone at the source. */
  absent: number
  /** Rows that the table refuses for what is in them; a remap with such rows is not applied. */
  refused: { count: number; reasons: string[] }
  /** How many rows change, by column. */
  columns: Record<string, number>
  /** At most 20 rows that change. */
  samples: RowChange[]
}

/** A staged chunk that a remap covers, and what became of it. */
export interface RemapChunk {
  /** 1, 2, 3, ... in the order of reading. */
  n: number
  run: string
  seq: number
  records: number
  /** null until it is mapped. */
  result: ChunkResult | null
}

export interface ChunkResult {
  /** References of the stage. */
  rowsFile: string
  rows: number
  keysFile: string
  keys: number
  filtered: number
  rejected: number
  /** Filtered or rejected records whose key cannot be told. */
  unknownKeys: number
  /** Up to 20. */
  examples: { field: string; reason: string }[]
}

/** What the stage still holds of a stream. */
export interface RemapCover {
  runs: number
  chunks: number
  records: number
  /** Start of the oldest run covered, ISO; null when nothing is. */
  since: string | null
  /** Why it does not reach further back; '' when no older run is known. */
  limit: string
}

/** Result of a remap for one stream, as the client reads it from the store. */
export interface StreamRemap {
  stream: string
  table: string
  applied: boolean
  cover: RemapCover
  records: number
  filtered: number
  rejected: number
  unknownKeys: number
  examples: { field: string; reason: string }[]
  difference: RemapDifference
}

export interface RemapStore {
  /** Replaces the list of chunks of a remap's stream. */
  saveRemapChunks(remap: string, stream: string, cover: RemapCover & { mark: string }, chunks: Omit<RemapChunk, 'result'>[]): Promise<void>
  /** The first chunk that is not mapped yet; null when all are. */
  nextRemapChunk(remap: string, stream: string): Promise<RemapChunk | null>
  saveRemapChunk(remap: string, stream: string, n: number, result: ChunkResult): Promise<void>
  remapChunks(remap: string, stream: string): Promise<{ cover: RemapCover & { mark: string }; chunks: RemapChunk[] }>
  saveRemapResult(remap: string, result: StreamRemap): Promise<void>
  remapResults(remap: string): Promise<StreamRemap[]>
  purgeRemaps(ms: number): Promise<void>
}
