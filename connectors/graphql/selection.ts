import { IsthmusError } from '../../model/errors.ts'
import { pathKeys } from '../../model/value.ts'
import { checkName } from './names.ts'
import type { Args, FieldSelection, NestedSelection, ObjectType, Selection } from './types.ts'

const FIRST_NESTED = 20

/** A field of a selection with what is asked of it. */
export interface Tree {
  /** Its real name, where the response names it otherwise. */
  field: string | null
  args: Args
  type: ObjectType | null
  /** It is a connection inside a record. */
  connection: { first: number } | null
  children: Map<string, Tree>
}

export const leaf = (): Tree => ({ field: null, args: {}, type: null, connection: null, children: new Map() })

/** The tree of a selection. Throws InvalidInput naming the place. */
export function treeOf(selection: Selection, field: string): Tree {
  const root = leaf()
  add(root, selection, field)
  if (root.children.size === 0) throw new IsthmusError('InvalidInput', 'the selection is empty', { field, cure: "name fields: select: ['id', 'name']" })
  markConnections(root, [], field)
  return root
}

/** Puts the field at a path into a tree; places in lists are no fields. */
export function addPath(root: Tree, path: string | readonly string[], field: string): void {
  let at = root
  for (const key of pathKeys(path as string | string[])) {
    if (key === '*' || /^-?\d+$/.test(key)) continue
    at = child(at, checkKey(key, field))
  }
}

function child(at: Tree, key: string): Tree {
  const found = at.children.get(key) ?? leaf()
  at.children.set(key, found)
  return found
}

/** A name, or `... on Type`. */
function checkKey(key: string, field: string): string {
  const fragment = /^\.\.\.\s*on\s+(\S+)$/.exec(key.trim())
  return fragment ? `... on ${checkName(fragment[1], field)}` : checkName(key, field)
}

function add(at: Tree, selection: Selection, field: string): void {
  if (Array.isArray(selection)) {
    for (const item of selection as readonly (string | Selection)[]) {
      if (typeof item === 'string') addPath(at, item, field)
      else add(at, item, field)
    }
    return
  }
  if (selection === null || typeof selection !== 'object') throw new IsthmusError('InvalidInput', 'a selection is a list of paths or an object', { field, cure: "write ['id', 'customer.email'] or { id: true, customer: ['email'] }" })
  for (const [key, given] of Object.entries(selection)) {
    const one = child(at, checkKey(key, field))
    const inner = `${field}.${key}`
    if (given === true) continue
    if (isField(given)) addField(one, given, inner)
    else add(one, given as Selection, inner)
  }
}

function isField(given: unknown): given is FieldSelection | NestedSelection {
  const kind = (given as { kind?: unknown } | null)?.kind
  return kind === 'field' || kind === 'nested'
}

function addField(at: Tree, given: FieldSelection | NestedSelection, field: string): void {
  if (given.field !== undefined) at.field = checkName(given.field, `${field}.field`)
  at.args = { ...at.args, ...given.args }
  if (given.kind === 'field') {
    at.type = given.type ?? at.type
    if (given.select) add(at, given.select, field)
    return
  }
  at.connection = { first: checkFirst(given.first ?? FIRST_NESTED, field) }
  const list = given.via === 'edges' ? child(child(at, 'edges'), 'node') : child(at, 'nodes')
  list.type = given.type ?? list.type
  add(list, given.select, field)
}

export function checkFirst(first: number, field: string): number {
  if (Number.isInteger(first) && first > 0) return first
  throw new IsthmusError('InvalidInput', '`first` must be a whole number above 0', { field: `${field}.first`, cure: 'give how many records are asked for at once' })
}

/** A field with `nodes` or `edges` below it is a connection. What ends there names no fields of its objects. */
function markConnections(at: Tree, path: string[], field: string): void {
  for (const [key, one] of at.children) {
    const here = [...path, key]
    const node = one.children.get('nodes') ?? one.children.get('edges')?.children.get('node')
    if (one.children.has('nodes') || one.children.has('edges')) {
      if (!node || node.children.size === 0) {
        throw new IsthmusError('InvalidInput', `\`${here.join('.')}\` is a connection, but the fields of its objects are not named`, { field, cure: `name them: '${here.join('.')}.nodes.id'` })
      }
      one.connection ??= { first: FIRST_NESTED }
    }
    markConnections(one, here, field)
  }
}
