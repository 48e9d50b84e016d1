import { IsthmusError } from '../../../model/errors.ts'
import { checkName, escapeXml } from './escape.ts'
import { ENCODING, XSD, XSI, split } from './names.ts'
import { listed } from './operation.ts'
import type { Particle, Schemas, TypeInfo, TypeRef } from './schemas.ts'

const MAX_DEPTH = 100
const SPECIAL = new Set(['#text'])

/**
 * Writes values as elements, by the schema: in its order and namespaces. `@name` in a value is an attribute, `#text` the text beside attributes,
 * `@xsi:type` the type that stands for the declared one. Texts are only ever text: nothing in a value becomes markup.
 */
export class Encoder {
  readonly #schemas: Schemas
  readonly #encoded: boolean
  readonly #prefixes = new Map<string, string>()

  constructor(schemas: Schemas, encoded: boolean) {
    this.#schemas = schemas
    this.#encoded = encoded
  }

  /** Declarations of the namespaces used so far. */
  namespaces(): string {
    return [...this.#prefixes].map(([ns, prefix]) => ` xmlns:${prefix}="${escapeXml(ns, 'wsdl')}"`).join('')
  }

  /** A name with the prefix of its namespace. */
  name(ns: string, local: string): string {
    if (ns === '') return local
    const known = this.#prefixes.get(ns) ?? (ns === XSD ? 'xsd' : ns === XSI ? 'xsi' : ns === ENCODING ? 'soapenc' : `n${this.#prefixes.size}`)
    this.#prefixes.set(ns, known)
    return `${known}:${local}`
  }

  /** The element, or as many as a list has. `path`: where the value stands, for messages. */
  element(part: Particle, value: unknown, path: string, depth = 0): string {
    if (depth > MAX_DEPTH) throw new IsthmusError('InvalidInput', `\`${path.slice(0, 100)}\` is nested more than ${MAX_DEPTH} deep`, { field: path })
    if (value === undefined) return ''
    const declared = part.type()
    if (Array.isArray(value) && this.#schemas.info(declared).item === null) {
      if (!part.list && value.length > 1) {
        throw new IsthmusError('InvalidInput', `\`${path}\` is a list of ${value.length}, but the WSDL allows one`, { field: path, cure: 'give one value' })
      }
      return value.map((v) => this.#one(part, declared, v, path, depth)).join('')
    }
    return this.#one(part, declared, value, path, depth)
  }

  #one(part: Particle, declared: TypeRef, value: unknown, path: string, depth: number): string {
    const name = this.name(part.ns, checkName(part.name, path))
    if (value === null || value === undefined) {
      if (part.nillable) return `<${name} ${this.name(XSI, 'nil')}="true"/>`
      if (part.optional) return ''
      throw new IsthmusError('InvalidInput', `\`${path}\` has no value, and the WSDL wants one`, { field: path, cure: 'give it a value in the mapping' })
    }
    const given = isObject(value) ? value['@xsi:type'] : undefined
    const type = given === undefined ? declared : this.#derived(given, declared, path)
    const typed = given !== undefined || (this.#encoded && type.name !== '') ? ` ${this.name(XSI, 'type')}="${this.name(type.ns, type.name)}"` : ''
    const info = this.#schemas.info(type)
    if (info.item !== null && !isObject(value)) return this.#array(name, info.item, [value].flat(), path, depth)
    if (!isObject(value)) {
      const text = String(value)
      if (!info.text && text !== '') {
        throw new IsthmusError('InvalidInput', `\`${path}\` is a text, but the WSDL wants ${fields(info)}`, { field: path, cure: `give an object: { ${[...info.parts.keys()][0] ?? 'field'}: ... }` })
      }
      return `<${name}${typed}>${escapeXml(text, path)}</${name}>`
    }
    const { attributes, content } = this.#members(value, type, info, path, depth)
    return content === '' ? `<${name}${typed}${attributes}/>` : `<${name}${typed}${attributes}>${content}</${name}>`
  }

  #members(value: Record<string, unknown>, type: TypeRef, info: TypeInfo, path: string, depth: number): { attributes: string; content: string } {
    let attributes = ''
    const children: { part: Particle; value: unknown; path: string }[] = []
    let text = ''
    for (const [key, one] of Object.entries(value)) {
      const at = path === '' ? key : `${path}.${key}`
      if (key === '@xsi:type' || one === undefined) continue
      if (key.startsWith('@')) {
        if (one === null) continue
        if (isObject(one) || Array.isArray(one)) throw new IsthmusError('InvalidInput', `the attribute \`${at}\` is no text`, { field: at })
        const { prefix, local } = split(key.slice(1))
        if (prefix !== '' && prefix !== 'xml') throw new IsthmusError('InvalidInput', `\`${at}\`: an attribute is named without a prefix`, { field: at, cure: `write @${local}` })
        attributes += ` ${prefix === '' ? '' : 'xml:'}${checkName(local, at)}="${escapeXml(String(one), at)}"`
      } else if (SPECIAL.has(key)) {
        text = one === null ? '' : escapeXml(String(one), at)
      } else {
        children.push({ part: this.#part(key, type, info, at), value: one, path: at })
      }
    }
    children.sort((a, b) => a.part.order - b.part.order)
    return { attributes, content: text + children.map((c) => this.element(c.part, c.value, c.path, depth + 1)).join('') }
  }

  #part(name: string, type: TypeRef, info: TypeInfo, path: string): Particle {
    const known = info.parts.get(name)
    if (known) return known
    if (info.any === null) {
      throw new IsthmusError('InvalidInput', `the WSDL has no \`${path}\`${type.name === '' ? '' : `: ${type.name} has ${fields(info)}`}`, { field: path, cure: `use one of: ${listed([...info.parts.keys()], name)}` })
    }
    checkName(name, path)
    const untyped = { name, list: true, optional: true, nillable: false, order: Number.MAX_SAFE_INTEGER, type: (): TypeRef => ({ ns: XSD, name: 'anyType', node: null }) }
    if (info.any === '##targetNamespace' || type.node === null) return { ...untyped, ns: type.node === null ? '' : type.ns }
    const spaces = this.#schemas.having('element', name)
    const root = spaces.length === 1 ? this.#schemas.root(spaces[0]!, name) : null
    return root ? { ...root, list: true, order: untyped.order } : { ...untyped, ns: /^##/.test(info.any) ? '' : (info.any.split(/\s+/)[0] ?? '') }
  }

  /** The type that a value names: by its name alone, or with a prefix of the WSDL. */
  #derived(given: unknown, declared: TypeRef, path: string): TypeRef {
    const { prefix, local } = split(typeof given === 'string' ? given : '')
    const spaces = prefix === '' ? this.#schemas.having('type', local) : prefix === 'xsd' || prefix === 'xs' ? [XSD] : [this.#schemas.prefix(prefix) ?? '']
    const ns = spaces.length > 1 && spaces.includes(declared.ns) ? declared.ns : spaces[0]
    const type = ns === undefined || (spaces.length > 1 && ns !== declared.ns) ? null : this.#schemas.type(ns, local)
    if (type) return type
    throw new IsthmusError('InvalidInput', spaces.length > 1 ? `several types are named ${local}` : `the WSDL has no type ${JSON.stringify(String(given).slice(0, 80))}`, {
      field: `${path}.@xsi:type`, cure: spaces.length > 1 ? 'write it with the prefix that the WSDL gives its namespace' : 'name a type as the WSDL does',
    })
  }

  #array(name: string, item: TypeRef, values: unknown[], path: string, depth: number): string {
    const part: Particle = { name: 'item', ns: '', type: () => item, list: true, optional: true, nillable: true, order: 0 }
    const of = item.name === '' ? this.name(XSD, 'anyType') : this.name(item.ns, item.name)
    return `<${name} ${this.name(XSI, 'type')}="${this.name(ENCODING, 'Array')}" ${this.name(ENCODING, 'arrayType')}="${of}[${values.length}]">${values.map((v) => this.#one(part, item, v, path, depth + 1)).join('')}</${name}>`
  }
}

function fields(info: TypeInfo): string {
  const names = [...info.parts.keys()]
  return names.length === 0 ? 'no fields' : `the fields ${names.slice(0, 8).join(', ')}${names.length > 8 ? ', ...' : ''}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
