import { open as openFile, type FileHandle } from 'node:fs/promises'
import type { WindowRange } from '../model/backfill.ts'
import { highestMark } from '../destinations/postgres/index.ts'
import { revive, stringifyExact } from '../model/json/index.ts'
import { compilePath, type CompiledMapper } from '../model/mapping/index.ts'
import type { StreamPlan } from '../model/plan.ts'
import { fieldIncrementOf } from '../model/source.ts'
import { redactor } from '../model/redact/index.ts'
import type { RejectedKey, Stage } from '../model/ports.ts'
import type { NewReject } from '../model/rejects.ts'
import type { ChunkRef, StagedRows } from '../model/run.ts'
import { insideOf } from './range.ts'
import { ChunkShape } from './watch.ts'

/** Rows are written in pieces of about this many characters. */
const PIECE = 256 * 1024
/** Raw text of a reject that is kept, in characters; one that is longer is cut and cannot be sent again. */
export const MAX_RAW = 4 * 1024 * 1024

/** A line of the rejects file. */
export interface StagedReject extends NewReject {
  /** null: it could not be read, or nobody asks for it. */
  key: RejectedKey | null
}

/** Maps records of one chunk to a rows file in the destination's load format, rejects to a file of their own. */
export class RowWriter {
  readonly #stage: Stage
  readonly #chunk: ChunkRef
  readonly #mapper: CompiledMapper
  readonly #mark: ((record: unknown) => unknown) | null
  readonly #ref: string
  readonly #rows: TextFile
  #rejects: TextFile | null = null
  #rejectsRef = ''
  /** What the records look like. */
  readonly shape = new ChunkShape()
  readonly counts = { read: 0, rows: 0, filtered: 0, rejected: 0 }
  #watermark: string | null = null
  readonly #within: ((mark: string | null) => boolean) | null

  private constructor(stage: Stage, chunk: ChunkRef, stream: StreamPlan, mapper: CompiledMapper, file: { ref: string; rows: TextFile }, range: WindowRange | null) {
    this.#stage = stage
    this.#chunk = chunk
    this.#mapper = mapper
    const field = fieldIncrementOf(stream.stream)?.field
    this.#mark = field === undefined ? null : compilePath(field)
    this.#within = range && insideOf(range)
    this.#ref = file.ref
    this.#rows = file.rows
  }

  /** `range`: records that lie outside of it are left out and counted as filtered; another window has them. */
  static async open(stage: Stage, chunk: ChunkRef, stream: StreamPlan, mapper: CompiledMapper, range: WindowRange | null): Promise<RowWriter> {
    const { ref, path } = await stage.newFile(chunk, 'rows')
    return new RowWriter(stage, chunk, stream, mapper, { ref, rows: new TextFile(await openFile(path, 'w')) }, range)
  }

  /** Maps the records of one page. They are as the mapper wants them parsed: see `CompiledMapper.parse`. */
  async add(records: unknown[]): Promise<void> {
    // Numbers of a lazily parsed page are marked texts until they are picked.
    const lazy = this.#mapper.parse.revive === false
    this.shape.look(records, lazy)
    for (const record of records) {
      const mark = this.#mark ? markText(lazy ? revive(this.#mark(record)) : this.#mark(record)) : null
      if (this.#within && !this.#within(mark)) {
        this.counts.filtered += 1
        this.counts.read += 1
        continue
      }
      const verdict = this.#mapper.map(record, this.#rows)
      if (verdict === null) this.counts.rows += 1
      else if (verdict === 'filtered') this.counts.filtered += 1
      else {
        this.counts.rejected += 1
        await this.#reject({ index: this.counts.read, ...verdict, reason: redactor.text(verdict.reason), key: this.#mapper.keyOf(record), ...rawOf(record, lazy) })
      }
      this.counts.read += 1
      if (this.#mark) this.#watermark = highestMark(this.#watermark, mark)
    }
    if (this.#rows.text.length > PIECE) await this.#rows.flush()
  }

  /** Takes the token that a page holds for the next run; null when it holds none. */
  noteMark(mark: string | null | undefined): void {
    if (mark) this.#watermark = mark
  }

  async #reject(reject: StagedReject): Promise<void> {
    if (!this.#rejects) {
      const { ref, path } = await this.#stage.newFile(this.#chunk, 'rejects')
      this.#rejectsRef = ref
      this.#rejects = new TextFile(await openFile(path, 'w'))
    }
    this.#rejects.text += `${JSON.stringify(reject)}\n`
    if (this.#rejects.text.length > PIECE) await this.#rejects.flush()
  }

  /** Writes what is left, and tells what there is. */
  async finish(): Promise<StagedRows> {
    await this.#rows.flush()
    await this.#rejects?.flush()
    await this.close()
    return { ...this.#chunk, file: this.#ref, bytes: this.#rows.bytes, rejectsFile: this.#rejectsRef, watermark: this.#watermark, ...this.counts }
  }

  /** Closes the files; what is in them is dropped with the chunk. */
  async close(): Promise<void> {
    await this.#rows.close()
    await this.#rejects?.close()
  }
}

/**
 * A record's JSON text as far as it is kept. One that holds a secret of this process (an API that echoes its credentials) is kept without
 * it and cannot be sent again, as if it had been cut. `marked`: it was parsed without reviving its numbers. */
export function rawOf(record: unknown, marked: boolean): { raw: string; cut: boolean } {
  const text = stringifyExact(record, { marked })
  const kept = text.slice(0, MAX_RAW)
  const raw = redactor.known(kept)
  return { raw, cut: text.length > MAX_RAW || raw !== kept }
}

function markText(value: unknown): string | null {
  if (value === null || value === undefined || typeof value === 'boolean' || value === '') return null
  // Milliseconds of UTC, as OData 2 writes times in JSON: text of another order than the times.
  const odata = typeof value === 'string' ? /^\/Date\((-?\d{1,15})([+-]\d{1,4})?\)\/$/.exec(value) : null
  return odata ? new Date(Number(odata[1])).toISOString() : String(value)
}

/** Collects text and writes it in pieces. */
export class TextFile {
  text = ''
  bytes = 0
  readonly #file: FileHandle
  #closed = false

  constructor(file: FileHandle) {
    this.#file = file
  }

  async flush(): Promise<void> {
    if (this.text === '') return
    const piece = Buffer.from(this.text)
    this.text = ''
    this.bytes += piece.length
    for (let done = 0; done < piece.length; ) done += (await this.#file.write(piece, done)).bytesWritten
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#file.close()
  }
}
