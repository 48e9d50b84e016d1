import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { revive } from '../model/json/index.ts'
import type { PageFrame, PageRead } from '../model/ports.ts'
import type { ChunkRef, Segment, StagedPages, StagedRows } from '../model/run.ts'
import { mapperOf, recordsOf } from './map.ts'
import type { OpenStream, OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import { RowWriter } from './rows.ts'
import type { PageRequest } from './types.ts'
import type { ChunkShape } from './watch.ts'

/** Pages that may wait to be mapped while reading goes on. */
const MAX_WAITING = 4
/** Results kept at a time; each is a reference and a few counts. */
const MAX_KEPT = 1_000

/**
 * Rows mapped by the process that read the pages, while they were parsed anyway: the map step takes them over instead of
 * parsing the stage again. Only a shortcut: another process, or a repeated step, maps from the stage and comes to the same rows.
 */
export class MappedAhead {
  readonly #kept = new Map<string, StagedRows>()

  keep(round: number, segments: Segment[], rows: StagedRows): void {
    if (segments.length === 0) return
    this.#kept.set(key(round, rows, segments), rows)
    const oldest = this.#kept.keys().next().value
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest)
  }

  /** The rows of exactly these pages under the plan of this round, once. */
  take(round: number, pages: StagedPages): StagedRows | null {
    const place = key(round, pages, pages.segments)
    const found = this.#kept.get(place)
    this.#kept.delete(place)
    return found && found.read === pages.records ? found : null
  }
}

function key(round: number, { run, stream, seq }: ChunkRef, segments: Segment[]): string {
  return JSON.stringify([round, run, stream, seq, segments.map(({ file, bytes }) => [file, bytes])])
}

/** Maps pages as they are read. Gives up in silence at the first trouble: the map step meets it again, and tells it. */
export class Mapping {
  #rows: RowWriter | null = null
  #records: ((frame: PageFrame) => unknown[]) | null = null
  #revive = false
  #waiting = 0
  #tail: Promise<void> = Promise.resolve()

  static async open(deps: ActivityDeps, streams: OpenStreams, request: PageRequest, open: OpenStream): Promise<Mapping> {
    const mapping = new Mapping()
    try {
      const mapper = await mapperOf(deps, streams, request, open)
      mapping.#records = (frame) => recordsOf(open.stream, frame, mapper)
      mapping.#revive = mapper.parse.revive !== false
      mapping.#rows = await RowWriter.open(deps.stage, { run: request.run, stream: request.stream, seq: request.seq }, open.stream, mapper, open.range)
    } catch {
      // told by the map step
    }
    return mapping
  }

  /** Takes the records of a page and maps them soon; waits only when several pages wait to be mapped. */
  async add({ list, mark }: Pick<PageRead, 'list' | 'mark'>): Promise<void> {
    this.#waiting += 1
    this.#tail = this.#tail.then(() => this.#map(list, mark))
    if (this.#waiting > MAX_WAITING) await this.#tail
  }

  async #map(records: unknown[], mark: string | null): Promise<void> {
    // Requests for further pages go out first: the source works on them while this one is mapped.
    await yieldToLoop()
    this.#waiting -= 1
    try {
      await this.#rows?.add(this.#revive ? (revive(records) as unknown[]) : records)
      this.#rows?.noteMark(mark)
    } catch {
      await this.#giveUp()
    }
  }

  /** Maps a page that was read and parsed by somebody else. */
  async addFrame(frame: PageFrame): Promise<void> {
    try {
      if (this.#records) await this.#rows?.add(this.#records(frame))
      this.#rows?.noteMark(frame.mark)
    } catch {
      await this.#giveUp()
    }
  }

  /** What the mapped records look like; null when something was wrong. */
  get shape(): ChunkShape | null {
    return this.#rows?.shape ?? null
  }

  /** The rows of all pages given; null when something was wrong. */
  async finish(): Promise<StagedRows | null> {
    await this.#tail
    return this.#rows ? this.#rows.finish().catch(() => null) : null
  }

  async drop(): Promise<void> {
    await this.#tail
    await this.#giveUp()
  }

  async #giveUp(): Promise<void> {
    const rows = this.#rows
    this.#rows = null
    await rows?.close().catch(() => undefined)
  }
}
