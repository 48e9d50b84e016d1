import { open as openFile } from 'node:fs/promises'
import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { IsthmusError } from '../../model/errors.ts'
import type { ChunkResult, RemapChunk, RemapFiles, StreamRemap } from '../../model/remap.ts'
import { tableName } from '../../model/table-name.ts'
import type { ActivityDeps } from '../deps.ts'
import { recordsOf } from '../map.ts'
import { TextFile } from '../rows.ts'
import type { StepContext } from '../step.ts'
import { KeyReader } from './keys.ts'
import { openRepairStream, type RepairStream } from './target.ts'
import type { RemapChunksResult, RemapCounts, RemapTarget } from './types.ts'

const BATCH_MS = 10_000
const PIECE = 256 * 1024
const EXAMPLES = 20
/** Ordinals of a chunk's records begin at its number times this. */
const PER_CHUNK = 2 ** 31

/** Maps the next staged chunks with the new mapping. A repeated step goes on behind the last chunk noted. */
export async function remapChunks(deps: ActivityDeps, target: RemapTarget, step: StepContext): Promise<RemapChunksResult> {
  const open = await openRepairStream(deps, target)
  const until = Date.now() + BATCH_MS
  const done = { chunks: 0, last: 0, records: 0 }
  for (;;) {
    const chunk = await deps.store.nextRemapChunk(target.id, target.stream)
    if (!chunk || (done.chunks > 0 && Date.now() > until)) return { ...done, more: chunk !== null }
    await deps.store.saveRemapChunk(target.id, target.stream, chunk.n, await mapChunk(deps, target, open, chunk, step))
    done.chunks += 1
    done.last = chunk.n
    done.records += chunk.records
    step.beat({ chunk: chunk.n, records: done.records })
  }
}

async function mapChunk(deps: ActivityDeps, target: RemapTarget, open: RepairStream, chunk: RemapChunk, step: StepContext): Promise<ChunkResult> {
  const { stage } = deps
  const { stream, mapper } = open
  const pages = { run: chunk.run, stream: target.stream, seq: chunk.seq }
  const staged = await stage.resume(pages)
  if (!staged || staged.records !== chunk.records) throw new IsthmusError('StageLost', `The staged pages of run ${chunk.run}, chunk ${chunk.seq}, are gone`, { cure: 'start the remap again: it leaves out what is gone' })
  const at = { run: target.id, stream: target.stream, seq: chunk.n }
  const [rowsFile, keysFile] = [await stage.newFile(at, 'rows'), await stage.newFile(at, 'keys')]
  const rows = new TextFile(await openFile(rowsFile.path, 'w'))
  const keys = new TextFile(await openFile(keysFile.path, 'w'))
  const reader = new KeyReader(stream, mapper)
  const result: ChunkResult = { rowsFile: rowsFile.ref, rows: 0, keysFile: keysFile.ref, keys: 0, filtered: 0, rejected: 0, unknownKeys: 0, examples: [] }
  let ordinal = chunk.n * PER_CHUNK
  try {
    for await (const frame of stage.frames({ ...pages, segments: staged.segments })) {
      step.signal.throwIfAborted()
      for (const record of recordsOf(stream, frame, mapper)) {
        ordinal += 1
        const out = { text: '' }
        const verdict = mapper.map(record, out)
        if (verdict === null) {
          reader.check(record, out.text.slice(0, -1))
          rows.text += `${ordinal}\t${out.text}`
          result.rows += 1
          continue
        }
        if (verdict === 'filtered') result.filtered += 1
        else {
          result.rejected += 1
          if (result.examples.length < EXAMPLES) result.examples.push({ field: verdict.field, reason: verdict.reason.slice(0, 300) })
        }
        const key = reader.read(record)
        if (key === null) result.unknownKeys += 1
        else {
          keys.text += `${ordinal}\t${verdict === 'filtered' ? 'f' : 'r'}\t${key}\n`
          result.keys += 1
        }
      }
      if (rows.text.length > PIECE) await rows.flush()
      if (keys.text.length > PIECE) await keys.flush()
      await yieldToLoop()
    }
    await rows.flush()
    await keys.flush()
  } finally {
    await rows.close()
    await keys.close()
  }
  return reader.trusted ? result : { ...result, keys: 0, unknownKeys: result.filtered + result.rejected }
}

/** Compares the mapped rows with the table and, with `apply`, changes it. Rows and reasons go to the store, counts come back. */
export async function remapTable(deps: ActivityDeps, target: RemapTarget & { apply: boolean }, step: StepContext): Promise<RemapCounts> {
  const open = await openRepairStream(deps, target)
  const { stream, streamKey, destination } = open
  const { cover, chunks } = await deps.store.remapChunks(target.id, target.stream)
  const { mark, ...shown } = cover
  const results = chunks.map((c) => c.result!)
  const sum = (of: (r: ChunkResult) => number): number => results.reduce((total, r) => total + of(r), 0)
  const records = chunks.reduce((total, c) => total + c.records, 0)
  const counts = { records, filtered: sum((r) => r.filtered), rejected: sum((r) => r.rejected), unknownKeys: sum((r) => r.unknownKeys) }
  if (target.apply && counts.unknownKeys > 0 && cover.runs > 1 && stream.mode === 'upsert') {
    throw new IsthmusError('Contract', `${counts.unknownKeys} records are left out or rejected by the new mapping and their key cannot be told: an older version of theirs could be written`, {
      field: 'map', cure: 'correct the mapping, or use --runs 1',
    })
  }
  const files: RemapFiles[] = []
  for (const r of results) {
    files.push({ rows: await deps.stage.path(r.rowsFile), rowCount: r.rows, keys: r.keys > 0 ? await deps.stage.path(r.keysFile) : '', keyCount: r.keys })
  }
  const difference = await destination.remap({ plan: stream, streamKey, mark, files, apply: target.apply }, step.signal)
  const table = tableName(stream)
  const result: StreamRemap = { stream: target.stream, table, applied: target.apply, cover: shown, ...counts, examples: results.flatMap((r) => r.examples).slice(0, EXAMPLES), difference }
  await deps.store.saveRemapResult(target.id, result)
  const { samples: _samples, columns: _columns, refused, ...rest } = difference
  return { ...rest, refused: refused.count, ...counts, applied: target.apply }
}
