import { ENCODING, XSD, split } from './names.ts'
import type { Definitions, Node, SchemaNode } from './library.ts'

/** A type: a node of a schema, or one that comes with XML Schema (`node` null). `ns` is the schema's namespace. */
export interface TypeRef {
  ns: string
  /** '' for one without a name. */
  name: string
  node: Node | null
}

/** An element that may stand in a type. */
export interface Particle {
  name: string
  /** '' when it is unqualified. */
  ns: string
  type: () => TypeRef
  list: boolean
  optional: boolean
  nillable: boolean
  order: number
}

/** What may stand in a type. */
export interface TypeInfo {
  parts: Map<string, Particle>
  /** Any element may stand there: which namespace `xs:any` names; null: none. */
  any: string | null
  /** It holds text. */
  text: boolean
  /** It is an array of SOAP encoding, of this type. */
  item: TypeRef | null
}

const TNS = '__tns__'
const ANY_TYPE: TypeRef = { ns: XSD, name: 'anyType', node: null }
type Place = { many: boolean; optional: boolean; fixed: boolean }

/** The types and elements of a WSDL, looked up as they are needed. */
export class Schemas {
  readonly #definitions: Definitions
  readonly #infos = new Map<Node, TypeInfo>()
  #substitutes: Map<string, { ns: string; name: string; node: Node }[]> | null = null

  constructor(definitions: Definitions) {
    this.#definitions = definitions
  }

  element(ns: string, name: string): Node | null {
    return own(this.#definitions.schemas[ns]?.elements, name)
  }

  type(ns: string, name: string): TypeRef | null {
    if (ns === XSD) return { ns, name, node: null }
    const schema = this.#definitions.schemas[ns]
    const node = own(schema?.complexTypes, name) ?? own(schema?.types, name)
    return node ? { ns, name, node } : null
  }

  /** Namespaces that have an element, or a type, of this name. */
  having(kind: 'element' | 'type', name: string): string[] {
    return Object.entries(this.#definitions.schemas).flatMap(([ns, s]) => ((kind === 'element' ? own(s.elements, name) : (own(s.complexTypes, name) ?? own(s.types, name))) ? [ns] : []))
  }

  /** What a name in the WSDL means. `ns` is the namespace of the schema it stands in. */
  resolve(name: string, node: Node, ns: string): { ns: string; name: string } {
    const { prefix, local } = split(name)
    const { xmlns } = this.#definitions
    if (prefix !== '') {
      const found = (typeof node.xmlns === 'object' ? node.xmlns[prefix] : undefined) ?? node.schemaXmlns?.[prefix] ?? this.#definitions.schemas[ns]?.xmlns?.[prefix] ?? node.definitionsXmlns?.[prefix] ?? xmlns[prefix]
      return { ns: found ?? ns, name: local }
    }
    // The library drops default namespaces of schemas: it is XML Schema, or that of the schema itself.
    const given = typeof node.xmlns === 'object' ? node.xmlns[TNS] : undefined
    if (given !== undefined) return { ns: given, name: local }
    const schema = this.#definitions.schemas[ns]
    const here = own(schema?.complexTypes, local) ?? own(schema?.types, local) ?? own(schema?.elements, local) ?? own(schema?.groups, local)
    return { ns: here ? ns : XSD, name: local }
  }

  /** The namespace that a prefix of the WSDL stands for. */
  prefix(prefix: string): string | undefined {
    return this.#definitions.xmlns[prefix] ?? Object.values(this.#definitions.schemas).find((s) => s.xmlns?.[prefix])?.xmlns?.[prefix]
  }

  /** The type of an element's node. */
  typeOf(node: Node, ns: string): TypeRef {
    if (node.$type !== undefined) {
      const found = this.resolve(node.$type, node, ns)
      return this.type(found.ns, found.name) ?? { ...found, node: null }
    }
    const inline = node.children?.find((c) => c.name === 'complexType' || c.name === 'simpleType')
    return inline ? { ns, name: '', node: inline } : ANY_TYPE
  }

  /** A global element as it stands in a body or header. */
  root(ns: string, name: string): Particle | null {
    const node = this.element(ns, name)
    return node ? { name, ns, type: once(() => this.typeOf(node, ns)), list: false, optional: false, nillable: node.$nillable === 'true', order: 0 } : null
  }

  info(type: TypeRef): TypeInfo {
    if (type.node === null) return isAny(type) ? { parts: new Map(), any: '##any', text: true, item: null } : { parts: new Map(), any: null, text: true, item: null }
    const known = this.#infos.get(type.node)
    if (known) return known
    const info: TypeInfo = { parts: new Map(), any: null, text: type.node.name === 'simpleType', item: null }
    this.#infos.set(type.node, info)
    this.#walk(type.node, type.ns, { many: false, optional: false, fixed: false }, info, { n: 0 })
    return info
  }

  #walk(node: Node, ns: string, place: Place, info: TypeInfo, at: { n: number }): void {
    for (const child of node.children ?? []) {
      switch (child.name ?? '') {
        case 'sequence':
        case 'all':
        case 'choice': {
          const many = place.many || isMany(child)
          this.#walk(child, ns, { many, optional: place.optional || child.name === 'choice' || child.$minOccurs === '0', fixed: place.fixed || many }, info, at)
          if (many && !place.many) at.n++
          break
        }
        case 'group': {
          if (child.$ref === undefined) break
          const found = this.resolve(child.$ref, child, ns)
          const group = own(this.#definitions.schemas[found.ns]?.groups, found.name)
          if (group) this.#walk(group, found.ns, { ...place, many: place.many || isMany(child), optional: place.optional || child.$minOccurs === '0' }, info, at)
          break
        }
        case 'element':
          this.#add(child, ns, place, info, at)
          break
        case 'any':
          info.any = child.$namespace ?? '##any'
          break
        case 'simpleContent':
          info.text = true
          this.#walk(child, ns, place, info, at)
          break
        case 'complexContent':
          this.#walk(child, ns, place, info, at)
          break
        case 'extension':
        case 'restriction':
          this.#derive(child, ns, place, info, at)
          break
        default:
      }
    }
  }

  #derive(node: Node, ns: string, place: Place, info: TypeInfo, at: { n: number }): void {
    const found = node.$base === undefined ? null : this.resolve(node.$base, node, ns)
    if (found?.ns === ENCODING && found.name === 'Array') info.item = this.#itemOf(node, ns)
    else if (found && node.name === 'extension') {
      const base = this.type(found.ns, found.name)
      if (base?.node) {
        const from = this.info(base)
        for (const [name, part] of from.parts) info.parts.set(name, part)
        info.any ??= from.any
        info.text ||= from.text
        info.item ??= from.item
        at.n = Math.max(at.n, ...[...from.parts.values()].map((p) => p.order + 1))
      }
    }
    this.#walk(node, ns, place, info, at)
  }

  /** The item of an array of SOAP encoding: what `wsdl:arrayType` says, or its one element. */
  #itemOf(node: Node, ns: string): TypeRef {
    for (const child of node.children ?? []) {
      const key = Object.keys(child).find((k) => /^\$[^:]+:arrayType$/.test(k)) as `$${string}` | undefined
      if (child.name !== 'attribute' || !key) continue
      const found = this.resolve(child[key]!.replace(/\[[^\]]*\]$/, ''), child, ns)
      return this.type(found.ns, found.name) ?? { ...found, node: null }
    }
    const element = node.children?.flatMap((c) => c.children ?? []).find((c) => c.name === 'element')
    return element ? this.typeOf(element, ns) : ANY_TYPE
  }

  #add(node: Node, ns: string, place: Place, info: TypeInfo, at: { n: number }): void {
    const order = place.fixed ? at.n : at.n++
    const common = { list: place.many || isMany(node), optional: place.optional || node.$minOccurs === '0', order }
    if (node.$ref === undefined) {
      if (node.$name === undefined) return
      const qualified = (node.$form ?? this.#definitions.schemas[ns]?.$elementFormDefault) === 'qualified'
      info.parts.set(node.$name, { name: node.$name, ns: qualified ? ns : '', type: once(() => this.typeOf(node, ns)), nillable: node.$nillable === 'true', ...common })
      return
    }
    const found = this.resolve(node.$ref, node, ns)
    const target = this.element(found.ns, found.name)
    for (const one of [{ ...found, node: target ?? {} }, ...this.#substitutesOf(found.ns, found.name)]) {
      info.parts.set(one.name, { name: one.name, ns: one.ns, type: once(() => this.typeOf(one.node, one.ns)), nillable: one.node.$nillable === 'true', ...common })
    }
  }

  /** Elements that may stand where a global element may (substitution groups). */
  #substitutesOf(ns: string, name: string): { ns: string; name: string; node: Node }[] {
    if (this.#substitutes === null) {
      this.#substitutes = new Map()
      for (const [space, schema] of Object.entries(this.#definitions.schemas)) {
        for (const [member, node] of Object.entries(schema.elements)) {
          if (node.$substitutionGroup === undefined) continue
          const head = this.resolve(node.$substitutionGroup, node, space)
          const key = `${head.ns} ${head.name}`
          this.#substitutes.set(key, [...(this.#substitutes.get(key) ?? []), { ns: space, name: member, node }])
        }
      }
    }
    const direct = this.#substitutes.get(`${ns} ${name}`) ?? []
    return direct.flatMap((d) => [d, ...(d.ns === ns && d.name === name ? [] : this.#substitutesOf(d.ns, d.name))])
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

export function isAny(type: TypeRef): boolean {
  return type.node === null && (type.name === 'anyType' || type.ns !== XSD)
}

function isMany({ $maxOccurs }: Node): boolean {
  return $maxOccurs === 'unbounded' || Number($maxOccurs) > 1
}

function own<T>(object: Record<string, T> | undefined, key: string): T | null {
  return object && Object.hasOwn(object, key) ? object[key]! : null
}

export type { SchemaNode }
