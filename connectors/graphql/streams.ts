import { IsthmusError } from '../../model/errors.ts'
import type { PagingInput, StreamInput } from '../../model/source.ts'
import { pathKeys } from '../../model/value.ts'
import type { StreamRef } from '../rest.ts'
import { byId, nestedPlans, PAGE_INFO, Writer } from './document.ts'
import { checkName } from './names.ts'
import { addPath, checkFirst, treeOf, type Tree } from './selection.ts'
import type { ConnectionOptions, GraphqlDraft, ListOptions, ObjectType, Selection, Step } from './types.ts'

/** The stream of a connection or list, its document written. Throws InvalidInput naming the field. */
export function writeStream(draft: GraphqlDraft, selection: Selection): StreamInput {
  const field = `from.stream(${JSON.stringify(draft.name)}).select`
  const tree = treeOf(selection, field)
  const { key, incremental } = streamOptions(draft)
  for (const path of [key].flat().filter((p) => p !== undefined)) own(tree, path, field)
  const changed = incremental && 'field' in incremental ? incremental.field : undefined
  if (changed !== undefined) own(tree, changed, field)
  return draft.kind === 'connection' ? connectionStream(draft.name, draft.options as ConnectionOptions, tree, field) : listStream(draft.name, draft.options as ListOptions, tree, field)
}

/** What a stream has without its document, so that its name, key and increments are known while that is not written yet. */
export function draftStream(draft: GraphqlDraft): StreamInput {
  const { select: _s, args: _a, under: _u, field: _f, type: _t, ...options } = draft.options
  const { first: _1, via: _2, of: _3, fields: _4, concurrency: _5, after: _6, offset: _7, pages: _8, ...stream } = options as ConnectionOptions & ListOptions
  return { name: draft.name, method: 'POST', ...stream, ...streamOptions(draft) }
}

/** Key and increments: a bound that is sent is a variable, unless it says otherwise. */
function streamOptions({ kind, options }: GraphqlDraft): Pick<StreamInput, 'key' | 'incremental'> {
  const { incremental } = options
  const key = options.key ?? (kind === 'connection' ? 'id' : undefined)
  return { ...(key === undefined ? {} : { key }), ...(incremental === undefined ? {} : { incremental: inVariables(incremental) }) }
}

/** Parameters go into the variables of the body, as long as nothing else is said. */
export function inVariables<T extends object | null>(given: T): T {
  if (given === null) return given
  const made: Record<string, unknown> = { ...given }
  if (made['in'] !== undefined) return given
  let any = false
  for (const name of ['send', 'param', 'sizeParam']) {
    const value = made[name]
    if (typeof value !== 'string' || value === '') continue
    any = true
    if (!value.includes('.')) made[name] = `variables.${value}`
  }
  return (any || 'size' in made ? { ...made, in: 'body' } : made) as T
}

/** Paging of a Relay connection (https://relay.dev/graphql/connections.htm), whose place in the answer is `data.orders`. */
export function relay(path: string | string[], options: { send?: string; size?: number; sizeParam?: string } = {}): PagingInput {
  const { send = 'after', size, sizeParam = 'first' } = options
  const at = pathKeys(path)
  return {
    kind: 'cursor', in: 'body', send: variable(send), next: [...at, 'pageInfo', 'endCursor'], hasMore: [...at, 'pageInfo', 'hasNextPage'],
    ...(size === undefined ? {} : { size, sizeParam: variable(sizeParam) }),
  }
}

const variable = (name: string): string => (name === '' || name.includes('.') ? name : `variables.${name}`)

function own(tree: Tree, path: string | string[], field: string): void {
  if (pathKeys(path)[0] !== '_parent') addPath(tree, path, field)
}

function connectionStream(name: string, options: ConnectionOptions, tree: Tree, field: string): StreamInput {
  const { of, after = 'after', via = 'nodes', first = 100 } = options
  const nested = nestedPlans(tree, options.type ?? null, field)
  const writer = new Writer(`from.stream(${JSON.stringify(name)})`)
  const size = writer.declare('first', 'Int!')
  const cursor = writer.declare('after', 'String')
  const args = writer.args(options.args, { first: `$${size}`, [checkName(after, field)]: `$${cursor}` })
  const body = writer.body(tree)
  const called = checkName(options.field ?? name, `from.stream(${JSON.stringify(name)}).field`)
  const text = `${called}${args} { ${via === 'edges' ? `edges { node ${body} }` : `nodes ${body}`} ${PAGE_INFO} }`
  const steps = stepsOf(options.under)
  const holder = of === undefined ? null : byId(writer, typeOf(of, name), field)
  const at = [...(holder ? pathKeys(holder.at) : ['data']), ...steps.map((s) => s.field), called]
  const inner = writer.under(steps, text)
  return {
    ...draftStream({ kind: 'connection', name, options }),
    graphql: writer.call('query', name, holder ? holder.around(inner) : inner),
    records: [...at, ...(via === 'edges' ? ['edges', '*', 'node'] : ['nodes'])],
    page: relay(at, { send: cursor, size: checkFirst(first, field), sizeParam: size }),
    nested,
    ...(of === undefined ? {} : { parent: { stream: holderStream(of, name, options.fields ?? []), fields: [...(options.fields ?? ['id'])], ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }) } }),
  }
}

function listStream(name: string, options: ListOptions, tree: Tree, field: string): StreamInput {
  const { offset, pages } = options
  const nested = nestedPlans(tree, options.type ?? null, field)
  const writer = new Writer(`from.stream(${JSON.stringify(name)})`)
  const given: Record<string, string> = {}
  const declared = (arg: string): string => {
    const made = writer.declare(arg, 'Int!')
    given[arg] = `$${made}`
    return variable(made)
  }
  let page: PagingInput | undefined
  if (offset) page = { kind: 'offset', in: 'body', param: declared(offset.offset), sizeParam: declared(offset.limit), size: offset.size ?? 100, ...(offset.total === undefined ? {} : { total: offset.total }) }
  else if (pages) {
    const { page: param, size, records = 100, start, hasMore, totalPages } = pages
    page = { kind: 'page', in: 'body', param: declared(param), ...(size === undefined ? {} : { sizeParam: declared(size), size: records }), ...(start === undefined ? {} : { start }), ...(hasMore === undefined ? {} : { hasMore }), ...(totalPages === undefined ? {} : { totalPages }) }
  }
  const called = checkName(options.field ?? name, `from.stream(${JSON.stringify(name)}).field`)
  const args = writer.args(options.args, given)
  const steps = stepsOf(options.under)
  const text = writer.under(steps, `${called}${args} ${writer.body(tree)}`)
  return { ...draftStream({ kind: 'list', name, options }), graphql: writer.call('query', name, text), records: ['data', ...steps.map((s) => s.field), called], ...(page === undefined ? {} : { page }), nested }
}

const stepsOf = (under: Step | readonly Step[] | undefined): readonly Step[] => (under === undefined ? [] : 'field' in under ? [under] : under)

/** The type of the objects of a stream. */
function typeOf(of: StreamRef, name: string): ObjectType {
  const type = of.graphql?.options.type
  if (type !== undefined) return type
  throw new IsthmusError('InvalidInput', 'the stream that holds this connection does not say the type of its records', {
    field: `from.stream(${JSON.stringify(name)}).of`,
    cure: "give it: graphql({ ... }).connection('orders', { type: 'Order', ... })",
  })
}

/** The stream of the objects that hold a connection: of their fields only those that are handed on. */
function holderStream(of: StreamRef, name: string, fields: readonly string[]): NonNullable<StreamInput['parent']>['stream'] {
  const draft = of.graphql!
  if ((draft.options as ConnectionOptions).of !== undefined) {
    throw new IsthmusError('InvalidInput', 'the stream of `of` is itself read for each object of another', { field: `from.stream(${JSON.stringify(name)}).of`, cure: 'name the outermost stream, and lead to the list with `under`' })
  }
  const { parent: _p, window: _w, job: _j, nested: _n, ...stream } = writeStream(draft, ['id', ...fields])
  return stream
}
