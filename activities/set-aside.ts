import { createReadStream } from 'node:fs'
import { rowValues } from '../destinations/postgres/index.ts'
import type { RejectedKey } from '../model/ports.ts'
import { redactor } from '../model/redact/index.ts'
import type { NewReject } from '../model/rejects.ts'
import type { RefusedRow, StagedRows } from '../model/run.ts'
import type { OpenStream, OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import { mapperOf, recordsOf } from './map.ts'
import { rawOf, type StagedReject } from './rows.ts'
import type { StreamTarget } from './types.ts'

/** Raw text held in memory at a time, in characters. */
const BATCH_CHARS = 8_000_000

/** Writes what the map step set aside to the store; gives the keys of those records. */
export async function saveStagedRejects(deps: ActivityDeps, rows: StagedRows, sync: string): Promise<(RejectedKey | null)[]> {
  const keys: (RejectedKey | null)[] = []
  let batch: NewReject[] = []
  let chars = 0
  for await (const line of linesOf(await deps.stage.path(rows.rejectsFile))) {
    const reject = JSON.parse(line) as StagedReject
    keys.push(reject.key)
    batch.push(reject)
    chars += line.length
    if (chars < BATCH_CHARS) continue
    await deps.store.saveRejects(rows, sync, batch)
    batch = []
    chars = 0
  }
  await deps.store.saveRejects(rows, sync, batch)
  return keys
}

/** Lines that end in \n only: readline would also part them at U+2028, which JSON does not escape. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of createReadStream(path, { encoding: 'utf8', highWaterMark: 1024 * 1024 })) {
    const lines = (rest + (piece as string)).split('\n')
    rest = lines.pop()!
    yield* lines
  }
  if (rest !== '') yield rest
}

/**
 * Rows that the destination refused, as rejects with the source's record, which is looked for in the staged pages; where it cannot be
 * told (another worker's pages, a map function that gives something else each time) the mapped row is kept.
 * Their indexes are negative: they count lines of the rows file, those of the map step records.
 */
export async function refusedRejects(deps: ActivityDeps, streams: OpenStreams, target: StreamTarget & { rows: StagedRows }, open: OpenStream, refused: RefusedRow[]): Promise<NewReject[]> {
  const found = await recordsOfLines(deps, streams, target, open, new Map(refused.map((r) => [r.line, r.row]))).catch(() => new Map<number, { raw: string; cut: boolean }>())
  return refused.map((r) => ({ index: -r.line, reason: r.reason, field: r.field, ...(found.has(r.line) ? { kind: 'record', ...found.get(r.line)! } : { kind: 'row', ...rowText(r.row) }) }))
}

/** Maps the chunk again and gives the records of some lines (from 1) of its rows file, if their rows come out the same. */
async function recordsOfLines(deps: ActivityDeps, streams: OpenStreams, target: StreamTarget & { rows: StagedRows }, open: OpenStream, lines: Map<number, string>): Promise<Map<number, { raw: string; cut: boolean }>> {
  const { run, stream, seq } = target.rows
  const found = new Map<number, { raw: string; cut: boolean }>()
  const staged = await deps.stage.resume({ run, stream, seq })
  if (!staged || staged.records !== target.rows.read) return found
  const mapper = await mapperOf(deps, streams, target, open)
  const names = open.stream.columns.map((c) => c.name)
  let line = 0
  for await (const frame of deps.stage.frames({ run, stream, seq, segments: staged.segments })) {
    for (const record of recordsOf(open.stream, frame, mapper)) {
      const out = { text: '' }
      if (mapper.map(record, out) !== null) continue
      line += 1
      const row = lines.get(line)
      if (row !== undefined && JSON.stringify(rowValues(out.text.replace(/\n$/, ''), names)) === row) found.set(line, rawOf(record, mapper.parse.revive === false))
    }
    if (found.size === lines.size) break
  }
  return found
}

function rowText(row: string): { raw: string; cut: boolean } {
  const raw = redactor.known(row)
  return { raw, cut: raw !== row }
}
