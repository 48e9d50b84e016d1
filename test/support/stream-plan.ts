import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { z } from 'zod'
import { sourceSchema, streamSchema, type StreamInput } from '../../model/source.ts'
import { deletesSchema, guardSchema, type Column, type ColumnType, type Mode } from '../../model/plan.ts'
import type { TablePlan } from '../../model/table-name.ts'
import type { PostRequest } from '../../model/ports.ts'
import type { StagedRows } from '../../model/run.ts'

/** A column for tests: not null, `text` unless told otherwise. */
export function column(name: string, type: ColumnType | ColumnType['kind'] = 'text', nullable = false): Column {
  const full = (typeof type !== 'string' ? type : type === 'decimal' ? { kind: type, precision: null, scale: null } : { kind: type }) as ColumnType
  return { name, type: full, nullable, checked: false }
}

export interface PlanOptions {
  table: string
  columns: Column[]
  key?: string[]
  mode?: Mode
  schema?: string
  incremental?: StreamInput['incremental']
  scan?: string
  deletes?: z.input<typeof deletesSchema>
}

/** A plan of one stream for tests. */
export function streamPlan({ table, columns, key = ['id'], mode = 'upsert', schema = 'public', incremental = null, scan = 's1', deletes = {} }: PlanOptions): TablePlan {
  return {
    name: 'orders', connection: 'test', source: sourceSchema.parse({ baseUrl: 'http://localhost' }),
    stream: streamSchema.parse({ name: 'orders', path: '/orders', incremental }),
    destination: { kind: 'postgres', url: null, schema, table }, columns, key: mode === 'append' ? [] : key,
    mapping: { kind: 'code', hash: '' }, mode, deletes: deletesSchema.parse(deletes), guard: guardSchema.parse({}), freshness: null, chunk: { ms: 1, bytes: 1, requests: 1 }, scan,
  }
}

/** A cell of COPY's text format. */
export function cell(value: unknown): string {
  return value === null ? '\\N' : String(value).replace(/[\\\n\r\t]/g, (c) => ({ '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' })[c]!)
}

let folder: Promise<string> | null = null
let files = 0

/** Writes rows to a file and gives what `post` takes. */
export async function chunkOf(
  rows: unknown[][],
  request: Pick<PostRequest, 'plan' | 'streamKey' | 'epoch' | 'rejected'> & { seq: number; last?: boolean; page?: number; watermark?: string | null },
): Promise<[PostRequest, string, AbortSignal]> {
  folder ??= mkdtemp(join(tmpdir(), 'isthmus-rows-'))
  const path = join(await folder, `${(files += 1)}.copy`)
  await writeFile(path, rows.map((row) => `${row.map(cell).join('\t')}\n`).join(''))
  const { seq, last = false, page = seq, watermark = null, ...rest } = request
  const staged: StagedRows = {
    run: 'r', stream: 'orders', seq, file: path, rows: rows.length, bytes: 0, rejectsFile: '', rejected: 0, filtered: 0, read: rows.length, watermark,
  }
  return [{ ...rest, rows: staged, position: last ? null : { kind: 'page', page }, last }, path, new AbortController().signal]
}
