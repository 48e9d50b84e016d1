import { IsthmusError } from '../../model/errors.ts'
import type { GraphqlCallInput } from '../../model/graphql.ts'
import type { NestedPlan, StreamInput } from '../../model/source.ts'
import { argument, checkName, checkType } from './names.ts'
import type { Tree } from './selection.ts'
import type { Args, Json, ObjectType, Step } from './types.ts'

export type NestedInput = NonNullable<StreamInput['nested']>[number]
export const PAGE_INFO = 'pageInfo { hasNextPage endCursor }'

/** Writes one operation: names are checked, values become variables. */
export class Writer {
  readonly #types = new Map<string, string>()
  readonly #variables: Record<string, Json> = {}
  readonly #field: string

  /** `field`: where messages say the trouble is. */
  constructor(field: string) {
    this.#field = field
  }

  /** Declares a variable that is filled by something else. */
  declare(name: string, type: string): string {
    checkName(name, this.#field)
    let free = name
    for (let n = 2; this.#types.has(free); n++) free = `${name}${n}`
    this.#types.set(free, checkType(type, this.#field))
    return free
  }

  set(name: string, value: Json): void {
    this.#variables[name] = value
  }

  /** `(first: $first, query: $query)`; '' without arguments. `given`: arguments whose text is there already. */
  args(args: Args | undefined, given: Record<string, string> = {}): string {
    const parts = Object.entries(given).map(([name, text]) => `${checkName(name, this.#field)}: ${text}`)
    for (const [name, arg] of Object.entries(args ?? {})) {
      const { type, value } = argument(arg, `${this.#field}.args.${name}`)
      if (name in given) throw new IsthmusError('InvalidInput', `the argument "${name}" is filled in by itself`, { field: `${this.#field}.args.${name}`, cure: 'leave it out' })
      const variable = this.declare(checkName(name, `${this.#field}.args`), type)
      if (value !== undefined) this.set(variable, value)
      parts.push(`${name}: $${variable}`)
    }
    return parts.length === 0 ? '' : `(${parts.join(', ')})`
  }

  /** `{ id customer { email } }`. */
  body(tree: Tree): string {
    return `{ ${[...tree.children].map(([key, one]) => this.field(key, one)).join(' ')} }`
  }

  field(key: string, one: Tree, given: Record<string, string> = {}): string {
    const name = one.field === null ? key : `${key}: ${one.field}`
    const args = this.args(one.args, one.connection ? { first: String(one.connection.first), ...given } : given)
    if (one.children.size === 0) return `${name}${args}`
    const inner = this.body(one)
    return `${name}${args} ${one.connection ? `${inner.slice(0, -1)}${PAGE_INFO} }` : inner}`
  }

  /** Text inside the fields that lead to it. */
  under(steps: readonly Step[], text: string): string {
    const opened = steps.map(({ field, args, on }) => `${checkName(field, `${this.#field}.under`)}${this.args(args)} { ${on === undefined ? '' : `... on ${checkName(on, `${this.#field}.under`)} { `}`)
    return `${opened.join('')}${text}${steps.map(({ on }) => (on === undefined ? ' }' : ' } }')).reverse().join('')}`
  }

  /** The operation around a selection. */
  call(kind: 'query' | 'mutation', name: string, text: string): GraphqlCallInput {
    const operationName = operation(name)
    const types = [...this.#types].map(([variable, type]) => `$${variable}: ${type}`)
    return { query: `${kind} ${operationName}${types.length === 0 ? '' : `(${types.join(', ')})`} { ${text} }`, operationName, variables: { ...this.#variables } as never }
  }
}

function operation(name: string): string {
  const words = name.split(/[^_0-9A-Za-z]+/).filter(Boolean)
  const text = words.map((w) => w[0]!.toUpperCase() + w.slice(1)).join('')
  return /^[0-9]/.test(text) || text === '' ? `Q${text}` : text
}

/** How an object of a type is asked for by its id: text around what is asked of it, and where the answer holds it. */
export function byId(writer: Writer, type: ObjectType, field: string): { around(text: string): string; at: string } {
  if (typeof type === 'string') {
    const id = writer.declare('id', 'ID!')
    writer.set(id, '{parent.id}')
    return { at: 'data.node', around: (text) => `node(id: $${id}) { ... on ${checkName(type, field)} { ${text} } }` }
  }
  const id = writer.declare('id', type.type ?? 'ID!')
  writer.set(id, '{parent.id}')
  const name = checkName(type.field, field)
  return { at: `data.${name}`, around: (text) => `${name}(${checkName(type.arg ?? 'id', field)}: $${id}) { ${text} }` }
}

/**
 * How the rest of each connection inside records is read; outer ones first. Objects that hold one and whose type is known get their id selected.
 * Without a type a cut connection can only be noticed.
 */
export function nestedPlans(tree: Tree, type: ObjectType | null, field: string, owner: string[] = []): NestedInput[] {
  const found: NestedInput[] = []
  for (const [key, one] of [...tree.children]) {
    if (!one.connection) {
      const fragment = key.startsWith('... on ')
      found.push(...nestedPlans(one, fragment ? key.slice(7) : one.type, field, fragment ? owner : [...owner, key]))
      continue
    }
    const edges = one.children.get('edges')?.children.get('node')
    const node = one.children.get('nodes') ?? edges!
    const list: Pick<NestedPlan, 'owner' | 'list' | 'hasMore' | 'next'> = { owner, list: [key, edges ? 'edges' : 'nodes'], hasMore: [key, 'pageInfo', 'hasNextPage'], next: [key, 'pageInfo', 'endCursor'] }
    // Objects inside may get an id selected, which the text of the rest then asks for too.
    const inner = nestedPlans(node, node.type, field, [...owner, key, ...(edges ? ['edges', 'node'] : ['nodes'])])
    if (type === null) found.push({ ...list })
    else {
      if (!tree.children.has('id')) tree.children.set('id', { field: null, args: {}, type: null, connection: null, children: new Map() })
      const writer = new Writer(field)
      const { around, at } = byId(writer, type, field)
      const after = writer.declare('after', 'String')
      writer.set(after, '{cursor}')
      found.push({ ...list, id: 'id', at, request: { graphql: writer.call('query', `rest of ${key}`, around(writer.field(key, one, { after: `$${after}` }))) } })
    }
    found.push(...inner)
  }
  return found
}
