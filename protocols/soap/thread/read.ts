import { IsthmusError } from '../../../model/errors.ts'
import { ENVELOPE, XSD, XSI, split, type QName } from './names.ts'
import type { Operation } from './operation.ts'
import type { Schemas, TypeRef } from './schemas.ts'

type Tree = Record<string, unknown>
type Scope = Record<string, string>
const ANY: TypeRef = { ns: XSD, name: 'anyType', node: null }
const MAX_DEPTH = 500
const AT = 64
/** Attributes of SOAP encoding, which say nothing about the data. */
const ENCODED = new Set(['arrayType', 'encodingStyle', 'root', 'offset', 'position'])

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
      if (records.length > 0) fillIn(schemas, result, local, type, records.slice(1))
    }
  }
  return result
}

class Reader {
  readonly #schemas: Schemas
  readonly #ids: Map<string, Tree>
  readonly #names = new Map<string, QName>()

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
    // The decoder makes null of xsi:nil.
    if (value === null) return null
    if (value === undefined) return ''
    if (!isTree(value)) return this.#text(String(value), declared)
    const inner = within(scope, value)
    const target = typeof value['@href'] === 'string' ? this.#ids.get(value['@href'].replace(/^#/, '')) : undefined
    if (target && target !== value) return this.read(target, declared, scope, depth + 1)
    const { attributes, xsiType, nil, children } = this.#parts(value, inner)
    if (nil) return null
    const named = xsiType === null ? null : this.#schemas.type(inner[xsiType.prefix] ?? '', xsiType.local)
    const info = this.#schemas.info(named ?? declared)
    if (info.item !== null || xsiType?.local === 'Array') {
      const item = info.item ?? ANY
      return children.flatMap((key) => value[key]).map((v) => this.read(v, item, inner, depth + 1))
    }
    const text = value['#text']
    if (children.length === 0) {
      if (attributes === null) return text === undefined ? this.#text('', named ?? declared, xsiType) : String(text)
      return { ...typed(xsiType, info.parts.size > 0), ...attributes, ...(text === undefined ? {} : { '#text': String(text) }) }
    }
    const result: Tree = Object.assign(typed(xsiType, true), attributes)
    for (const key of children) {
      const { local } = this.#split(key)
      const part = info.parts.get(local)
      const read = this.#many(value[key], part?.type() ?? ANY, part?.list ?? false, inner, depth + 1)
      // The same name with two prefixes.
      result[local] = Object.hasOwn(result, local) ? [result[local], read].flat() : part && !part.list ? once(read) : read
    }
    return result
  }

  /** Attributes, and the keys of the elements inside. */
  #parts(value: Tree, scope: Scope): { attributes: Tree | null; xsiType: QName | null; nil: boolean; children: string[] } {
    let attributes: Tree | null = null
    let xsiType: QName | null = null
    let nil = false
    const children: string[] = []
    for (const key in value) {
      if (key.charCodeAt(0) !== AT) {
        if (key !== '#text' && key !== '?xml') children.push(key)
        continue
      }
      if (key.startsWith('@xmlns') && (key.length === 6 || key[6] === ':')) continue
      const one = value[key]
      const { prefix, local } = this.#split(key.slice(1))
      if (prefix !== '' && scope[prefix] === XSI) {
        if (local === 'type') xsiType = split(String(one))
        if (local === 'nil') nil = one === 'true' || one === '1'
      } else if (prefix === '' ? local !== 'id' || !/^(?:id|i|ref)[-_]?\d+$/i.test(String(one)) : !ENCODED.has(local)) (attributes ??= {})[`@${local}`] = one
    }
    return { attributes, xsiType, nil, children }
  }

  #split(name: string): QName {
    let known = this.#names.get(name)
    if (!known) this.#names.set(name, (known = split(name)))
    return known
  }

  #many(value: unknown, type: TypeRef, list: boolean, scope: Scope, depth: number): unknown {
    if (!Array.isArray(value)) return list ? [this.read(value, type, scope, depth)] : this.read(value, type, scope, depth)
    return value.map((v) => this.read(v, type, scope, depth))
  }

  /** An element without content: an object where the schema wants one. */
  #text(text: string, type: TypeRef, xsiType: QName | null = null): unknown {
    if (text !== '') return text
    const info = this.#schemas.info(type)
    if (info.item !== null || xsiType?.local === 'Array') return []
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
    // Some servers use the prefix without declaring it.
    const scope = within({ xsi: XSI }, envelope)
    for (const [name, body] of Object.entries(envelope)) {
      if (split(name).local !== 'Body') continue
      return isTree(body) ? { body, scope: within(scope, body) } : { body: {}, scope }
    }
  }
  throw new IsthmusError('Contract', 'the answer is no SOAP envelope', { cure: 'check the base URL of the source' })
}

/** Namespaces declared by an element, and those around it. */
function within(scope: Scope, element: Tree): Scope {
  let inner = scope
  for (const key in element) {
    if (key.charCodeAt(0) !== AT || !key.startsWith('@xmlns')) continue
    if (inner === scope) inner = { ...scope }
    if (key === '@xmlns') inner[''] = String(element[key])
    else if (key[6] === ':') inner[key.slice(7)] = String(element[key])
  }
  return inner
}

function typed(xsiType: QName | null, holds: boolean): Tree {
  return xsiType === null || !holds ? {} : { '@xsi:type': xsiType.local }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
