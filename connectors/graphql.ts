import type { SourceInput, StreamInput } from '../model/source.ts'
import { checkCut, draftStream, inVariables, nestedOfDocument, writeMutation, writeStream } from './graphql/index.ts'
import type { ConnectionOptions, FieldSelection, GraphqlDraft, ListOptions, MutationOptions, NestedSelection, QueryOptions } from './graphql/index.ts'
import type { ActionRef, StreamRef } from './rest.ts'

export { relay } from './graphql/index.ts'
export type { Arg as GraphqlArg, Args as GraphqlArgs, ConnectionOptions, FieldSelection, GraphqlDraft, ListOptions, MutationOptions, NestedSelection, ObjectType, QueryOptions, Selection, Step as GraphqlStep } from './graphql/index.ts'

export interface GraphqlSource {
  /** A query that you write: `{ query, variables, records: 'data.orders.nodes', page: relay('data.orders') }`. */
  stream(name: string, options: QueryOptions): StreamRef
  /** A Relay connection, read forward to its end. The query is written from `select`, or from what `fields({ ... })` of the sync reads. */
  connection(name: string, options?: ConnectionOptions): StreamRef
  /** A plain list: whole, or by offset or page number. The query is written as that of a connection. */
  list(name: string, options?: ListOptions): StreamRef
  /** A mutation that is called for each record. */
  mutation(name: string, options: MutationOptions): ActionRef
}

/**
 * A GraphQL API: the address that takes `POST { query, variables }`, auth, limits, its streams and its mutations. Everything is plain data; errors beside data
 * stop a stream (`partial: 'keep'` takes what there is), costs that answers tell are kept (docs/graphql.md).
 */
export function graphql(options: Omit<SourceInput, 'kind'>): GraphqlSource {
  const source: SourceInput = { ...options, kind: 'graphql' }
  const written = (draft: GraphqlDraft): StreamRef => ({ kind: 'stream', source, stream: draft.options.select === undefined ? draftStream(draft) : writeStream(draft, draft.options.select), graphql: draft })
  return {
    stream: (name, given) => ({ kind: 'stream', source, stream: queryStream(name, given) }),
    connection: (name, given = {}) => written({ kind: 'connection', name, options: given }),
    list: (name, given = {}) => written({ kind: 'list', name, options: given }),
    mutation: (name, { key, ...given }) => ({ kind: 'action', source, action: writeMutation(name, given), key: key === undefined ? null : [key].flat() }),
  }
}

/** A field of a selection with arguments, under another name, or with the type of its object. */
export function field(options: Omit<FieldSelection, 'kind'>): FieldSelection {
  return { kind: 'field', ...options }
}

/** A connection inside records: `lineItems: nested({ select: ['sku', 'quantity'], first: 50 })`. */
export function nested(options: Omit<NestedSelection, 'kind'>): NestedSelection {
  return { kind: 'nested', ...options }
}

function queryStream(name: string, { query, variables, operationName, page, incremental, truncate, ...options }: QueryOptions): StreamInput {
  checkCut(name, query, operationName ?? null, options.records ?? '', page !== undefined && page.kind !== 'none', truncate ?? [])
  return {
    name, method: 'POST', ...options,
    graphql: { query, operationName: operationName ?? null, variables: (variables ?? {}) as never },
    ...(page === undefined ? {} : { page: inVariables(page) }),
    ...(incremental === undefined ? {} : { incremental: inVariables(incremental) }),
    nested: nestedOfDocument(query, operationName ?? null, options.records ?? '', truncate ?? []),
  }
}
