import type { ActionInput } from '../../model/action.ts'
import type { PagingInput, StreamInput } from '../../model/source.ts'
import type { StreamRef } from '../rest.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * The value of an argument. It always goes as a variable: of type `String!`, `Int!`, `Float!` or `Boolean!`, or of the type that is given:
 * `{ type: 'OrderSortKeys', value: 'UPDATED_AT' }`. Texts may hold `{since}` and the other placeholders of requests.
 */
export type Arg = string | number | boolean | { type: string; value?: Json }
export type Args = Readonly<Record<string, Arg>>

/**
 * What is asked for: paths (`['id', 'customer.email', 'lineItems.nodes.sku']`) or a tree (`{ id: true, customer: ['email'], lineItems: nested({ ... }) }`).
 * A field with `nodes` or `edges` below it is a connection: it is asked for with its `pageInfo`, so that a cut one is noticed.
 */
export type Selection = readonly (string | SelectionTree)[] | SelectionTree
export interface SelectionTree {
  readonly [field: string]: true | Selection | FieldSelection | NestedSelection
}

/** A field with arguments, under a name of its own choice, or whose type is told. Made by `field`. */
export interface FieldSelection {
  kind: 'field'
  /** The field's name, where the key it stands under is another (an alias). */
  field?: string
  args?: Args
  select?: Selection
  type?: ObjectType
}

/** A connection inside records. Made by `nested`. */
export interface NestedSelection {
  kind: 'nested'
  field?: string
  args?: Args
  select: Selection
  /** Records asked for at once. Default: 20. */
  first?: number
  /** How the list is asked for. Default: `nodes`. */
  via?: 'nodes' | 'edges'
  /** The type of its objects; needed where they hold connections themselves. */
  type?: ObjectType
}

/** How an object is asked for by its id: by the name of its type, through `node(id:)`; or by a field of the query: `{ field: 'order', arg: 'id', type: 'ID!' }`. */
export type ObjectType = string | { field: string; arg?: string; type?: string }

/** A field on the way to the list. */
export interface Step {
  field: string
  args?: Args
  /** The type to look into, where the field's is an interface or union: `... on Organization`. */
  on?: string
}

type Shared = Omit<StreamInput, 'name' | 'method' | 'query' | 'body' | 'bodyFormat' | 'format' | 'soap' | 'graphql' | 'more' | 'records' | 'page' | 'nested' | 'parent' | 'job'>

interface Asked extends Shared {
  /** The field of the query that gives the list. Default: the stream's name. */
  field?: string
  /** Default: what the sync's `fields({ ... })` reads. */
  select?: Selection
  args?: Args
  /** Fields that lead to it: `[{ field: 'repository', args: { owner: 'a', name: 'b' } }]`. */
  under?: Step | readonly Step[]
  /** The type of the records; with it nested connections that were cut are read to their end. */
  type?: ObjectType
}

export interface ConnectionOptions extends Asked {
  /** Records a page. Default: 100. */
  first?: number
  via?: 'nodes' | 'edges'
  /** The stream of the objects that hold this connection: it is read for each of them. They have a `type`. */
  of?: StreamRef
  /** Fields of the holding object that each record gets, as `_parent.{name}`. Default: its id. */
  fields?: readonly string[]
  /** Holding objects read at once. */
  concurrency?: number
  /** Holds the cursor of the previous page. Default: `after`. */
  after?: string
}

export interface ListOptions extends Asked {
  /** Arguments that page by offset, and how many records are asked for at once (100). Without it the list comes whole. */
  offset?: { limit: string; offset: string; size?: number; total?: string }
  /** Arguments that page by number. */
  pages?: { page: string; size?: string; records?: number; start?: number; hasMore?: string; totalPages?: string }
}

export interface QueryOptions extends Omit<Shared, never> {
  /** The document as it is sent. */
  query: string
  variables?: Readonly<Record<string, Json>>
  /** Which operation of the document. */
  operationName?: string
  /** Where the answer holds the records: `data.orders.nodes`, `data.orders.edges.*.node`. */
  records: StreamInput['records']
  /** Parameters of paging are variables: `cursor({ send: 'after', next: '...' })`; or `relay('data.orders')`. */
  page?: PagingInput
  /** Nested connections that may be cut: `['lineItems']`. Any other that is cut stops the stream. */
  truncate?: readonly string[]
}

export interface MutationOptions extends Omit<ActionInput, 'name' | 'method' | 'query' | 'body' | 'bodyFormat' | 'format' | 'soap' | 'graphql' | 'batch' | 'lookup' | 'id'> {
  /** The field of the mutation. Default: the action's name. */
  field?: string
  /** Values may hold `{column}`: `{ input: { type: 'ProductInput!', value: { title: '{title}' } } }`. */
  args: Args
  /** Fields of the result. `userErrors` and `id` are asked for by themselves. */
  select?: Selection
  /** List in the result that tells what is wrong with the record. */
  userErrors?: string
  /** Where the result holds the id that the API gave: `product.id`. */
  id?: string
  /** Finds a record after an unclear answer. */
  lookup?: Omit<NonNullable<ActionInput['lookup']>, 'graphql' | 'method' | 'path' | 'body' | 'query'> & { query: string; variables?: Readonly<Record<string, Json>> }
  /** Columns of the model that identify a record. */
  key?: string | string[]
}

/** What is left to be written when the sync is compiled, since it takes its selection from the mapping. Plain data. */
export interface GraphqlDraft {
  kind: 'connection' | 'list'
  name: string
  options: ConnectionOptions | ListOptions
}
