import { createHash } from 'node:crypto'
import { z } from 'zod'
import { durationSchema } from '../model/duration-schema.ts'
import { at, IsthmusError } from '../model/errors.ts'
import { columnsOf } from '../model/mapping/index.ts'
import { deletesSchema, fieldRuleSchema, guardSchema, modeSchema, planSchema, type Column, type Destination, type Mapping, type Mode, type Plan, type StreamPlan } from '../model/plan.ts'
import { sourceSchema, streamSchema, type Source, type Stream } from '../model/source.ts'
import { pathKeys, valueSchema } from '../model/value.ts'
import { checkAction, compileAction } from './compile-action.ts'
import { checkRows } from './compile-rows.ts'
import { checkGraphqlStream, streamOf } from './compile-graphql.ts'
import { compileSchedule } from './compile-schedule.ts'
import { compileTriggers } from './compile-triggers.ts'
import type { AnyFlow, SyncDefinition } from './define.ts'
import { parseOr } from './issues.ts'

/** Bounds of one chunk: large enough that a run of a million records stays far below Temporal's limits of a history. */
const CHUNK = { ms: 20_000, bytes: 48 * 1024 * 1024, requests: 2_000 }

/** Records that are posted one by one take their time: smaller chunks, so that one stays within minutes. */
const ACTION_CHUNK = { ms: 20_000, bytes: 2 * 1024 * 1024, requests: 200 }

/** JSON with sorted keys, so that equal plans have equal hashes. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v,
  )
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

const tableSchema = z.strictObject({
  kind: z.literal('table', { error: "must be a table, for example postgres.table('orders'), or an action of an API" }),
  url: valueSchema.nullable(),
  schema: z.string().min(1, 'a schema needs a name'),
  table: z.string().min(1, 'a table needs a name'),
  key: z.array(z.string()).nullable(),
})

/**
 * Compiles a definition to its plan: every option defaulted, every name checked.
 * Throws InvalidInput naming file, field and cure.
 */
export function compileSync(definition: SyncDefinition, file: { id: string; file: string; text: string }): Plan {
  const id = definition.id ?? file.id
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(id)) {
    throw new IsthmusError('InvalidInput', `"${id}" cannot be the id of a sync`, { file: file.file, field: 'id', cure: 'use letters, digits, - and _, with / between parts' })
  }
  if (!Array.isArray(definition.flows) || definition.flows.length === 0) {
    throw new IsthmusError('InvalidInput', 'a sync needs at least one stream', { file: file.file, field: 'streams', cure: 'give from, to, model and map' })
  }
  const schedule = compileSchedule(definition.every, definition.schedule ?? null, file.file)
  const many = definition.flows.length > 1
  const streams = definition.flows.map((f, i) => compileFlow(f, { file: file.file, prefix: many ? `streams[${i}].` : '', text: file.text }))
  const twice = streams.find((s, i) => streams.findIndex((o) => o.name === s.name) !== i)
  if (twice) throw new IsthmusError('InvalidInput', `two streams are named "${twice.name}"`, { file: file.file, field: 'streams', cure: 'give each stream of a sync its own name' })
  const every = definition.every ?? definition.schedule?.every ?? null
  return hashed({ version: 1, id, file: file.file, streams, every, schedule, on: compileTriggers(definition, file.file) })
}

/** A plan with its hash. What releases of before did not know is left out of it where it says nothing, so that their plans keep theirs. */
export function hashed({ schedule, on, ...rest }: Omit<Plan, 'hash'>): Plan {
  const body = { ...rest, ...(schedule && { schedule }), ...(on.length > 0 && { on }) }
  return planSchema.parse({ ...body, hash: sha256(canonical(body)) })
}

interface Where {
  file: string
  prefix: string
  text: string
}

function compileFlow(flow: AnyFlow, where: Where): StreamPlan {
  const place = (field: string): { file: string; field: string } => ({ file: where.file, field: where.prefix + field })
  if (flow === null || typeof flow !== 'object' || flow.from?.kind !== 'stream') {
    throw new IsthmusError('InvalidInput', 'must be a stream of a source', { ...place('from'), cure: "write from: rest({ ... }).stream('orders', { ... })" })
  }
  const source = parseOr(sourceSchema, flow.from.source, place('from'))
  const stream = parseOr(streamSchema, streamOf(flow, place), place(`from.stream(${JSON.stringify(flow.from.stream.name)})`))
  checkGraphqlStream(source, stream, place)
  checkSource(source, stream, place)
  const to = compileTo(flow, place)
  if (!(flow.model as unknown) || flow.model._zod?.def?.type !== 'object') {
    throw new IsthmusError('InvalidInput', 'must be a zod object', { ...place('model'), cure: 'write model: z.object({ id: z.string(), ... })' })
  }
  let columns: Column[]
  try {
    columns = columnsOf(flow.model)
  } catch (error) {
    throw at(error, place('model'))
  }
  const mapping = compileMapping(flow, columns, where, place('map'))
  if (to.destination.kind === 'action') checkAction(to.destination.action, columns, place, to.destination.source)
  const key = keyColumns(to.key, stream, mapping, columns, place('to.key'))
  const mode = flow.mode === undefined ? defaultMode(key, stream, place('mode')) : parseOr(modeSchema, flow.mode, place('mode'))
  if (to.destination.kind === 'action' && mode !== 'upsert') {
    throw new IsthmusError('InvalidInput', `mode ${mode} is not known to an action: it is called for each record that is new or has changed`, { ...place('mode'), cure: key.length === 0 ? "give the stream or the action a key: 'id'" : 'leave `mode` out' })
  }
  if (mode === 'upsert' && key.length === 0) {
    throw new IsthmusError('InvalidInput', 'mode upsert needs a key', { ...place('mode'), cure: "give the stream a key: 'id', or the table { key: 'id' }" })
  }
  for (const name of key) {
    if (columns.find((c) => c.name === name)?.nullable) {
      throw new IsthmusError('InvalidInput', `the key column "${name}" may be null in the model`, { ...place(`model.${name}`), cure: 'make it required' })
    }
  }
  const deletes = parseOr(deletesSchema, typeof flow.deletes === 'string' ? { mode: flow.deletes } : (flow.deletes ?? {}), place('deletes'))
  if (deletes.mode !== 'none' && mode !== 'upsert') {
    throw new IsthmusError('InvalidInput', `mode ${mode} cannot tell which rows are no longer at the source`, { ...place('deletes'), cure: "use mode: 'upsert', or leave `deletes` out" })
  }
  if (deletes.mode === 'soft' && columns.some((c) => c.name === deletes.column)) {
    throw new IsthmusError('InvalidInput', `the model has a field "${deletes.column}", so soft deletes cannot fill that column`, { ...place('deletes.column'), cure: "name another column: deletes: { mode: 'soft', column: 'gone_at' }" })
  }
  if (deletes.mode !== 'none' && to.destination.kind === 'action') {
    throw new IsthmusError('InvalidInput', 'an action cannot tell which records are no longer at the source', { ...place('deletes'), cure: 'leave `deletes` out' })
  }
  const guard = parseOr(guardSchema, flow.guard ?? {}, place('guard'))
  const freshness = flow.freshness === undefined ? null : parseOr(durationSchema, flow.freshness, place('freshness'))
  const connection = connectionId(source)
  return {
    name: stream.name, connection, source, stream,
    destination: to.destination,
    columns, key: mode === 'append' ? [] : key, mapping, mode, deletes, guard, freshness, chunk: to.destination.kind === 'action' ? ACTION_CHUNK : CHUNK,
    scan: sha256(canonical({ source: { baseUrl: source.baseUrl, query: source.query }, stream: { ...stream, expect: null, incremental: scanned(stream.incremental) }, to: to.identity })).slice(0, 32),
  }
}

/** What of an increment identifies a scan: how an upper bound is asked for changes nothing of what is read without one. */
function scanned(incremental: Stream['incremental']): Stream['incremental'] {
  if (incremental?.kind !== 'field') return incremental
  const { until: _, untilExpression: _expression, ...rest } = incremental
  return rest
}

/** Where a flow goes, the key it names, and what identifies it in a scan. */
function compileTo(flow: AnyFlow, place: (field: string) => { file: string; field: string }): { destination: Destination; key: string[] | null; identity: unknown } {
  if (flow.to?.kind !== 'action') {
    const { kind: _, key, ...table } = parseOr(tableSchema, flow.to, place('to'))
    return { destination: { kind: 'postgres', ...table }, key, identity: table }
  }
  const { source, action } = compileAction(flow.to, place)
  checkBaseUrl(source, place('to.baseUrl'))
  const connection = connectionId(source)
  return { destination: { kind: 'action', connection, source, action }, key: flow.to.key, identity: { connection, action: action.name, method: action.method, path: action.path } }
}

function checkSource(source: Source, stream: Stream, place: (field: string) => { file: string; field: string }): void {
  if (source.kind === 'file' || source.kind === 'postgres') checkRows(source, stream, place)
  else checkBaseUrl(source, place('from.baseUrl'))
}

function checkBaseUrl(source: Source, place: { file: string; field: string }): void {
  if (typeof source.baseUrl !== 'string') return
  const url = URL.canParse(source.baseUrl) ? new URL(source.baseUrl) : null
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new IsthmusError('InvalidInput', `"${source.baseUrl}" is not a web address`, { ...place, cure: "write it as 'https://api.example.com/v1', or env('NAME')" })
  }
  if (url.username || url.password) {
    throw new IsthmusError('InvalidInput', 'the address holds credentials', { ...place, cure: 'take them out and use auth: basic({ ... })' })
  }
}

function compileMapping(flow: AnyFlow, columns: Column[], where: Where, place: { file: string; field: string }): Mapping {
  if (typeof flow.map === 'function') return { kind: 'code', hash: sha256(where.text) }
  if (flow.map?.kind !== 'fields') {
    throw new IsthmusError('InvalidInput', 'must be fields({ ... }) or a function', { ...place, cure: "write map: fields({ id: 'id', ... })" })
  }
    const fields = Object.fromEntries(
    Object.entries(flow.map.fields).map(([name, given]) => {
      if (!columns.some((c) => c.name === name)) {
        throw new IsthmusError('InvalidInput', `the model has no field "${name}"`, { ...place, field: `${place.field}.${name}`, cure: `use one of ${columns.map((c) => c.name).join(', ')}` })
      }
      return [name, parseOr(fieldRuleSchema, given, { file: place.file, field: `${place.field}.${name}` })]
    }),
  )
  const missing = columns.find((c) => !c.nullable && !(c.name in fields))
  if (missing) throw new IsthmusError('InvalidInput', `nothing fills the field "${missing.name}" of the model`, { ...place, cure: `add ${missing.name}: '<path in the record>'` })
  return { kind: 'fields', fields }
}

const samePath = (a: string | string[], b: string | string[]): boolean => pathKeys(a).join('\0') === pathKeys(b).join('\0')

/** Columns that identify a row: named by the table, else filled from the stream's key, else of the same name. */
function keyColumns(given: string[] | null, stream: Stream, mapping: Mapping, columns: Column[], place: { file: string; field: string }): string[] {
  const names = columns.map((c) => c.name)
  if (given !== null) {
    const unknown = given.find((k) => !names.includes(k))
    if (unknown !== undefined) throw new IsthmusError('InvalidInput', `the model has no field "${unknown}"`, { ...place, cure: `use one of ${names.join(', ')}` })
    return given
  }
  return stream.key.map((path) => {
    const filled = mapping.kind === 'fields' ? Object.entries(mapping.fields).find(([, rule]) => rule.path !== null && samePath(rule.path, path))?.[0] : undefined
    const column = filled ?? names.find((n) => n === pathKeys(path).at(-1)) ?? names.find((n) => n.toLowerCase() === pathKeys(path).at(-1)?.toLowerCase())
    if (column === undefined) {
      throw new IsthmusError('InvalidInput', `no column holds the stream's key "${pathKeys(path).join('.')}"`, { ...place, cure: `name the key columns: postgres.table('${stream.name}', { key: '${names[0]}' })` })
    }
    return column
  })
}

function defaultMode(key: string[], stream: Stream, place: { file: string; field: string }): Mode {
  if (key.length > 0) return 'upsert'
  if (stream.incremental) {
    throw new IsthmusError('InvalidInput', 'an incremental stream without a key would double its overlap', { ...place, cure: "give the stream a key: 'id', or set mode: 'append' if doubles are fine" })
  }
  return 'replace'
}

/** Name of the account: given, or from the base URL plus a mark of how it signs in, so that different accounts never share tokens. */
function connectionId(source: Source): string {
  if (source.connection) return source.connection
  if (source.baseUrl === '') return source.kind
  const base = source.baseUrl
  const name = typeof base === 'string' ? new URL(base).host : 'env' in base ? base.env.replace(/_?(BASE)?_?URL$/i, '').toLowerCase() || base.env.toLowerCase() : 'connection'
  return `${name}-${sha256(canonical({ base, auth: source.auth })).slice(0, 6)}`
}
