import { IsthmusError } from '../../../model/errors.ts'
import { ENVELOPE, XSD, XSI, split } from './names.ts'
import type { Operation } from './operation.ts'
import type { Schemas, TypeRef } from './schemas.ts'

type Tree = Record<string, unknown>
type Scope = Record<string, string>
const ANY: TypeRef = { ns: XSD, name: 'anyType', node: null }
const MAX_DEPTH = 500

/**
 * What the soap:Body of an answer holds, from the tree that the XML decoder made of it (names with their prefixes). Elements are named without
 * prefixes; those that the schema lets repeat are lists, also when there is one.
 */
export function readBody(schemas: Schemas, operation: Operation, tree: unknown, records: string[]): Tree {
  const { body, scope } = bodyOf(tree)
  const ids = new Map<string, Tree>()
  for (const value of Object.values(body).flat()) if (isTree(value) && typeof value['@id'] === 'string') ids.set(value['@id'], value)
  const reader = new Reader(schemas, ids)
  const result: Tree = {}
  for (const [key, value] of Object.entries(body)) {
    const { prefix, local } = split(key)
    if (key.startsWith('@') || key === '#text' || local === 'multiRef') continue
    const [one] = [value].flat()
    const ns = isTree(one) && typeof one[prefix === '' ? '@xmlns' : `@xmlns:${prefix}`] === 'string' ? (one[prefix === '' ? '@xmlns' : `@xmlns:${prefix}`] as string) : (scope[prefix] ?? '')
    if (local === 'Fault' && (ns === ENVELOPE['1.1'] || ns === ENVELOPE['1.2'] || ns === '')) result['Fault'] = reader.read(one, ANY, scope)
    else if (operation.rpc) result[local] = reader.rpc(one, operation, scope)
    else {
      const part = operation.output.find((p) => p.name === local) ?? schemas.root(ns, local)
      const type = part?.type() ?? ANY
      result[local] = reader.read(one, type, scope)
      if (records[0] === local) fillIn(schemas, result, local, type, records.slice(1))
    }
  }
  return result
}

class Reader {
  readonly #schemas: Schemas
  readonly #ids: Map<string, Tree>

  constructor(schemas: Schemas, ids: Map<string, Tree>) {
    this.#schemas = schemas
    this.#ids = ids
  }

  rpc(value: unknown, operation: Operation, scope: Scope): Tree {
    const result: Tree = {}
    if (!isTree(value)) return result
    const inner = within(scope, value)
    for (const [key, one] of Object.entries(value)) {
      if (key.startsWith('@') || key === '#text') continue
      const { local } = split(key)
      const part = operation.output.find((p) => p.name === local)
      result[local] = this.#many(one, part?.type() ?? ANY, false, inner, 1)
    }
    return result
  }

  read(value: unknown, declared: TypeRef, scope: Scope, depth = 0): unknown {
    if (depth > MAX_DEPTH) throw new IsthmusError('PageTooLarge', `the answer is nested more than ${MAX_DEPTH} deep`)
    if (value === null || value === undefined) return ''
    if (!isTree(value)) return this.#text(String(value), declared)
    const inner = within(scope, value)
    const target = typeof value['@href'] === 'string' ? this.#ids.get(value['@href'].replace(/^#/, '')) : undefined
    if (target && target !== value) return this.read(target, declared, scope, depth + 1)
    const { attributes, xsiType, nil } = attributesOf(value, inner)
    if (nil) return null
    const named = xsiType === null ? null : this.#schemas.type(inner[split(xsiType).prefix] ?? '', split(xsiType).local)
    const type = named ?? declared
    const info = this.#schemas.info(type)
    const children = Object.entries(value).filter(([k]) => !k.startsWith('@') && k !== '#text' && k !== '?xml')
    if (info.item !== null || isArrayType(xsiType)) {
      const item = info.item ?? ANY
      return children.flatMap(([, v]) => [v].flat()).map((v) => this.read(v, item, inner, depth + 1))
    }
    const text = value['#text']
    if (children.length === 0) {
      if (Object.keys(attributes).length === 0) return text === undefined ? this.#text('', type, xsiType) : String(text)
      return { ...typed(xsiType, info.parts.size > 0), ...attributes, ...(text === undefined ? {} : { '#text': String(text) }) }
    }
    const result: Tree = { ...typed(xsiType, true), ...attributes }
    for (const [key, one] of children) {
      const { local } = split(key)
      const part = info.parts.get(local)
      const read = this.#many(one, part?.type() ?? ANY, part?.list ?? false, inner, depth + 1)
      // The same name with two prefixes.
      result[local] = Object.hasOwn(result, local) ? [result[local], read].flat() : read
      if (part && !part.list) result[local] = once(result[local])
    }
    return result
  }

  #many(value: unknown, type: TypeRef, list: boolean, scope: Scope, depth: number): unknown {
    if (!Array.isArray(value)) return list ? [this.read(value, type, scope, depth)] : this.read(value, type, scope, depth)
    return value.map((v) => this.read(v, type, scope, depth))
  }

  /** An element without content: an object where the schema wants one. */
  #text(text: string, type: TypeRef, xsiType: string | null = null): unknown {
    if (text !== '') return text
    const info = this.#schemas.info(type)
    if (info.item !== null || isArrayType(xsiType)) return []
    return info.text ? '' : typed(xsiType, true)
  }
}

/** What the schema lets occur once, and an answer repeats in the same words (Salesforce: `Id`). */
function once(value: unknown): unknown {
  return Array.isArray(value) && value.length > 1 && typeof value[0] === 'string' && value.every((v) => v === value[0]) ? value[0] : value
}

/** Gives an answer the list it leaves out because it is empty, as far as the schema has one there. */
function fillIn(schemas: Schemas, holder: Tree, key: string, type: TypeRef, rest: string[]): void {
  const [next, ...more] = rest
  const here = holder[key]
  const part = next === undefined || next === '*' ? undefined : schemas.info(type).parts.get(next)
  if (!part || !isTree(here)) return
  if (!Object.hasOwn(here, next!)) {
    if (part.list) here[next!] = []
    else if (part.optional && more.length > 0) here[next!] = {}
    else return
  }
  fillIn(schemas, here, next!, part.type(), more)
}

function bodyOf(tree: unknown): { body: Tree; scope: Scope } {
  const top = [tree].flat()[0]
  for (const [key, envelope] of isTree(top) ? Object.entries(top) : []) {
    if (split(key).local !== 'Envelope' || !isTree(envelope)) continue
    const scope = within({}, envelope)
    for (const [name, body] of Object.entries(envelope)) {
      if (split(name).local !== 'Body') continue
      return isTree(body) ? { body, scope: within(scope, body) } : { body: {}, scope }
    }
  }
  throw new IsthmusError('Contract', 'the answer is no SOAP envelope', { cure: 'check the base URL of the source' })
}

function attributesOf(value: Tree, scope: Scope): { attributes: Tree; xsiType: string | null; nil: boolean } {
  const attributes: Tree = {}
  let xsiType: string | null = null
  let nil = false
  for (const [key, one] of Object.entries(value)) {
    if (!key.startsWith('@') || key === '@xmlns' || key.startsWith('@xmlns:')) continue
    const { prefix, local } = split(key.slice(1))
    const ns = prefix === '' ? '' : scope[prefix]
    if (ns === XSI) {
      if (local === 'type') xsiType = String(one)
      if (local === 'nil') nil = one === 'true' || one === '1'
    } else if (!(prefix === '' && local === 'id' && /^(?:id|i|ref)[-_]?\d+$/i.test(String(one))) && !/^(?:arrayType|encodingStyle|root|offset|position)$/.test(prefix === '' ? '' : local)) attributes[`@${local}`] = one
  }
  return { attributes, xsiType, nil }
}

/** Namespaces declared by an element, and those around it. */
function within(scope: Scope, element: Tree): Scope {
  let inner = scope
  for (const [key, value] of Object.entries(element)) {
    if (!key.startsWith('@xmlns')) continue
    if (inner === scope) inner = { ...scope }
    if (key === '@xmlns') inner[''] = String(value)
    else if (key.startsWith('@xmlns:')) inner[key.slice(7)] = String(value)
  }
  return inner
}

function typed(xsiType: string | null, holds: boolean): Tree {
  return xsiType === null || !holds ? {} : { '@xsi:type': split(xsiType).local }
}

function isArrayType(xsiType: string | null): boolean {
  return xsiType !== null && split(xsiType).local === 'Array'
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
