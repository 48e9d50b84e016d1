import type { z } from 'zod'
import { problemOf, writeStream, type Selection, type SelectionTree } from '../connectors/graphql/index.ts'
import type { StreamRef } from '../connectors/rest.ts'
import type { Action } from '../model/action.ts'
import { at, IsthmusError } from '../model/errors.ts'
import type { GraphqlCall } from '../model/graphql.ts'
import type { Source, Stream, StreamInput } from '../model/source.ts'
import { pathKeys } from '../model/value.ts'
import type { AnyFlow } from './define.ts'

interface Place {
  file: string
  field: string
}
type At = (field: string) => Place

/** The stream of a flow; a query that was left to its mapping is written now, for the fields that `fields({ ... })` reads. Throws InvalidInput. */
export function streamOf(flow: AnyFlow, place: At): StreamInput {
  const { graphql: draft, stream } = flow.from as StreamRef
  if (!draft || draft.options.select !== undefined) return stream
  if (typeof flow.map === 'function' || flow.map?.kind !== 'fields') {
    throw new IsthmusError('InvalidInput', 'nothing says which fields are asked for', { ...place(`from.stream(${JSON.stringify(draft.name)}).select`), cure: "write select: ['id', ...]; only a mapping by fields({ ... }) tells them by itself" })
  }
  try {
    // A connector may have declared it under another name.
    return { ...writeStream(draft, selected(flow.map.fields, flow.model)), name: stream.name }
  } catch (error) {
    throw at(error, { file: place('').file })
  }
}

/** What a mapping reads of a record; of a whole object or list, what its model names. */
function selected(fields: Record<string, { path?: string | string[] | null }>, model: z.ZodObject): Selection {
  const found: (string | SelectionTree)[] = []
  for (const [name, rule] of Object.entries(fields)) {
    if (rule.path === null || rule.path === undefined) continue
    const keys = pathKeys(rule.path).filter((k) => k !== '*' && !/^-?\d+$/.test(k))
    if (keys.length === 0 || keys[0] === '_parent') continue
    const below = shapeOf((model as z.ZodObject | undefined)?.shape?.[name] as z.core.$ZodType | undefined)
    found.push(keys.reduceRight<true | SelectionTree>((inner, key) => ({ [key]: inner }), below) as SelectionTree)
  }
  return found
}

/** The fields of objects in a column, as its model names them; `true` where it names none. */
function shapeOf(schema: z.core.$ZodType | undefined, depth = 0): true | SelectionTree {
  const def = schema?._zod?.def as { type: string; innerType?: z.core.$ZodType; element?: z.core.$ZodType; in?: z.core.$ZodType; shape?: Record<string, z.core.$ZodType> } | undefined
  if (!def || depth > 20) return true
  if (def.type === 'object' && def.shape && Object.keys(def.shape).length > 0) return Object.fromEntries(Object.entries(def.shape).map(([key, inner]) => [key, shapeOf(inner, depth + 1)]))
  const inner = def.element ?? def.innerType ?? (def.type === 'pipe' ? def.in : undefined)
  return inner ? shapeOf(inner, depth + 1) : true
}

/** Documents parse, name their operation, and declare the variables that are sent. Throws InvalidInput naming the field. */
export function checkGraphqlStream(source: Source, stream: Stream, place: At): void {
  const here = (field: string): Place => place(`from.stream(${JSON.stringify(stream.name)})${field === '' ? '' : `.${field}`}`)
  if (source.kind !== 'graphql') {
    if (stream.graphql) throw new IsthmusError('InvalidInput', `a source of kind ${source.kind} has no queries of GraphQL`, { ...here('query'), cure: 'use graphql({ ... })' })
    return
  }
  if (!stream.graphql) {
    if (stream.body === null) throw new IsthmusError('InvalidInput', 'the stream asks for nothing', { ...here('query'), cure: "write graphql({ ... }).connection('orders', { ... }) or .stream('orders', { query: '...' })" })
    return
  }
  const { page, incremental } = stream
  const sent = [
    ...('in' in page && page.in === 'body' ? [page.kind === 'cursor' ? page.send : page.kind === 'page' || page.kind === 'offset' ? page.param : '', page.kind === 'search' || page.size === null ? '' : page.sizeParam] : []),
    ...(incremental !== null && incremental.kind !== 'etag' && incremental.in === 'body' ? [incremental.send] : []),
  ].flatMap((path) => /^variables\.([^.]+)/.exec(path)?.[1] ?? [])
  check(stream.graphql, 'query', sent, here)
  if (stream.more?.graphql) check(stream.more.graphql, 'query', sent, (field) => here(`more.${field}`))
  for (const { request } of stream.nested) if (request?.graphql) check(request.graphql, 'query', [], here)
  if (stream.parent) checkGraphqlStream(source, { ...stream.parent.stream, parent: null, window: null, job: null, nested: [] }, place)
}

/** The same for an action and its look-up. */
export function checkGraphqlAction(action: Action, at: At): void {
  const key = /^variables\.([^.]+)/.exec(action.idempotency?.field ?? '')?.[1]
  if (action.graphql) check(action.graphql, 'mutation', key === undefined ? [] : [key], at)
  if (action.lookup?.graphql) check(action.lookup.graphql, 'query', [], (field) => at(`lookup.${field}`))
}

function check(call: GraphqlCall, kind: 'query' | 'mutation', sent: readonly string[], place: At): void {
  const found = problemOf(call, kind, sent)
  if (found) throw new IsthmusError('InvalidInput', found.problem, { ...place(found.field), cure: found.cure })
}
