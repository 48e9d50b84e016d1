import pg from 'pg'
import { durationMs, fieldIncrementOf, IsthmusError, pathKeys } from '../../model/index.ts'
import type { PageStop, Position, Stream } from '../../model/index.ts'
import { parseExact } from '../../model/json/index.ts'
import { pgError } from '../../store/index.ts'
import { abortError } from '../http/index.ts'
import type { ReadResult } from '../rest/index.ts'
import type { SourceRead } from '../source/types.ts'
import { jsonOf } from './json.ts'
import { boundStatement } from './text.ts'

/** Rows of one page. */
const PAGE_ROWS = 1_000
const WHAT = 'The database of the query'

type Raw = (string | null)[]

/**
 * Reads rows by keyset on the key: one execution of the query a call, through a cursor, so that a chunk costs one scan and the next one goes on
 * behind its last row. Read-only, with a time limit; an abort cancels it at the server. Stops as `readPages` does.
 */
export async function readQuery(url: string, stream: Stream, options: SourceRead): Promise<ReadResult> {
  const { signal } = options
  const client = new pg.Client({ connectionString: url, application_name: 'isthmus query', connectionTimeoutMillis: 10_000, types: { getTypeParser: () => (text: unknown) => text } as never })
  client.on('error', () => undefined)
  const progress: ReadResult = { stop: { kind: 'more' }, position: options.position, requests: 0 }
  let cancel: (() => void) | null = null
  try {
    await client.connect()
    cancel = (): void => void cancelBackend(url, (client as unknown as { processID: number }).processID)
    signal.addEventListener('abort', cancel, { once: true })
    await pages(client, stream, options, progress)
  } catch (error) {
    if (signal.aborted) throw abortError(signal)
    // What the caller's own functions throw is not about the query.
    if (!isDatabaseError(error)) throw error
    progress.stop = stopOf(error)
  } finally {
    if (cancel) signal.removeEventListener('abort', cancel)
    await client.end().catch(() => undefined)
  }
  return progress
}

async function pages(client: pg.Client, stream: Stream, options: SourceRead, progress: ReadResult): Promise<void> {
  const { budget, signal, now = Date.now } = options
  const sql = stream.sql!
  const increment = fieldIncrementOf(stream)
  const field = increment ? pathKeys(increment.field).join('.') : null
  const after = options.position?.kind === 'row' ? options.position.key : null
  const statement = boundStatement(sql, field, options.since, after, options.until ?? null)
  await client.query('begin transaction isolation level repeatable read read only')
  await client.query(`set local statement_timeout = ${durationMs(sql.timeout)}; set local timezone = 'UTC'; set local datestyle = 'ISO'; set local intervalstyle = 'iso_8601'; set local bytea_output = 'hex'`)
  await client.query({ text: `declare isthmus_rows no scroll cursor for ${statement.text}`, values: statement.values })
  progress.requests += 1
  let bytes = 0
  let before = after
  let ahead = await fetchRows(client)
  for (let page = 1; ; page += 1) {
    if (signal.aborted) throw abortError(signal)
    const { rows, fields } = ahead
    const last = rows.length < PAGE_ROWS
    const write = fields.map((f) => ({ name: JSON.stringify(f.name), json: jsonOf(f) }))
    const at = sql.key.map((name) => fields.findIndex((f) => f.name === name))
    checkNames(fields)
    for (const row of rows) before = keyOf(row, at, sql.key, before)
    const body = Buffer.from(`[${rows.map((row) => `{${row.map((cell, i) => `${write[i]!.name}:${cell === null ? 'null' : write[i]!.json(cell)}`).join(',')}}`).join(',\n')}]`)
    const next: Position | null = last ? null : { kind: 'row', key: before! }
    await options.onPage({ body, records: rows.length, list: parseExact(body, { revive: false }) as unknown[], next, last, parent: null, mark: null, total: null })
    progress.position = next
    bytes += body.length
    progress.stop = last ? { kind: 'done' } : { kind: 'more' }
    if (last || now() >= budget.untilMs || bytes >= budget.bytes || page >= budget.requests) break
    ahead = await fetchRows(client)
  }
  await client.query('commit')
}

async function fetchRows(client: pg.Client): Promise<{ rows: Raw[]; fields: pg.FieldDef[] }> {
  return client.query<Raw>({ text: `fetch ${PAGE_ROWS} from isthmus_rows`, rowMode: 'array' })
}

function checkNames(fields: pg.FieldDef[]): void {
  const twice = fields.find((f, i) => fields.findIndex((o) => o.name === f.name) !== i)
  if (twice) throw new IsthmusError('Contract', `the query has two columns "${twice.name}"`, { field: 'from.query', cure: `name them apart: select a.${twice.name}, b.${twice.name} as other_${twice.name}` })
}

/** The key of a row. A row without one, or with that of the row before it, could be lost between two chunks: then the query is refused. */
function keyOf(row: Raw, at: number[], names: string[], before: string[] | null): string[] {
  const key = at.map((i, n) => {
    const cell = row[i] ?? null
    if (cell === null) throw new IsthmusError('Contract', `"${names[n]}" of the key is null in a row of the query`, { field: 'from.query.key', cure: 'leave such rows out (where ... is not null), or take other columns for the key' })
    return cell
  })
  if (before !== null && key.every((v, i) => v === before[i])) {
    throw new IsthmusError('Contract', `two rows of the query have the key ${key.join(', ').slice(0, 100)}`, { field: 'from.query.key', cure: `add a column to the key that tells them apart: key: ['${names.join("', '")}', ...]` })
  }
  return key
}

async function cancelBackend(url: string, pid: number): Promise<void> {
  const other = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  other.on('error', () => undefined)
  try {
    await other.connect()
    await other.query('select pg_cancel_backend($1)', [pid])
  } catch {
    // The time limit ends it.
  } finally {
    await other.end().catch(() => undefined)
  }
}

function isDatabaseError(error: unknown): boolean {
  return error instanceof pg.DatabaseError || error instanceof IsthmusError || pgError(error, WHAT) !== error || (error instanceof Error && 'code' in error)
}

function stopOf(error: unknown): PageStop {
  const known = error instanceof IsthmusError ? error : (pgError(error, WHAT) as Error)
  if (known instanceof IsthmusError) {
    if (known.type === 'Transient' || known.type === 'Unreachable') return { kind: 'interrupted', type: known.type, reason: known.message, untilMs: 0 }
    return { kind: 'refused', type: known.type, reason: known.message, field: known.field ?? 'from.url', cure: known.cure ?? 'correct the query or the address of its database' }
  }
  const { code, position } = error as { code?: string; position?: string }
  const reason = `${WHAT}: ${known.message.slice(0, 300)}${position === undefined ? '' : ` (at character ${position})`}`
  if (code === '57014') return { kind: 'refused', type: 'Contract', reason, field: 'from.query.timeout', cure: 'make the query cheaper (an index on its key), or give it a longer timeout' }
  // The columns that we name ourselves.
  if (code === '42703' && /\bq\./.test(known.message)) return { kind: 'refused', type: 'Contract', reason, field: 'from.query.key', cure: 'let key and incremental name columns of the result' }
  return { kind: 'refused', type: 'Contract', reason, field: 'from.query', cure: 'try the query in psql, and correct it' }
}
