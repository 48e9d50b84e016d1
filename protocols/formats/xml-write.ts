import { IsthmusError } from '../../model/index.ts'
import { ExactNumber, jsonText } from '../../model/json/index.ts'

/** Names of XML 1.0 without the rarer letters, with at most one prefix. */
const NAME = /^[A-Za-z_\u00c0-\uffdc][\w.\-\u00b7-\uffdc]*(?::[A-Za-z_\u00c0-\uffdc][\w.\-\u00b7-\uffdc]*)?$/
/** Characters that XML 1.0 cannot hold, not even as a number. */
const IMPOSSIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/**
 * An XML body from an object with one key, the root element: `{ Order: { '@id': 'A1', Line: [{ Sku: 'x' }, { Sku: 'y' }] } }`. Names that begin
 * with `@` are attributes, `#text` is the text beside them, a list repeats its element, null is an empty element. Throws InvalidInput.
 */
export function encodeXml(value: unknown): string {
  const roots = isObject(value) ? Object.entries(value) : []
  const [root] = roots
  if (roots.length !== 1 || root === undefined || Array.isArray(root[1])) {
    throw new IsthmusError('InvalidInput', 'an XML body has one root element', { field: 'body', cure: "give an object with one key: { Order: { '@id': '{id}' } }" })
  }
  return `<?xml version="1.0" encoding="UTF-8"?>${element(root[0], root[1])}`
}

function element(name: string, value: unknown): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return value.map((v) => (Array.isArray(v) ? fault(`${JSON.stringify(name)} holds a list inside a list`) : element(name, v))).join('')
  check(name)
  if (!isObject(value)) return value === null || value === '' ? `<${name}/>` : `<${name}>${escaped(value)}</${name}>`
  let attributes = ''
  let content = ''
  for (const [key, part] of Object.entries(value)) {
    if (part === undefined) continue
    if (key === '#text') content += part === null ? '' : escaped(part)
    else if (!key.startsWith('@')) content += element(key, part)
    else if (part !== null) {
      check(key.slice(1))
      attributes += ` ${key.slice(1)}="${escaped(part, true)}"`
    }
  }
  return content === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${content}</${name}>`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !(value instanceof ExactNumber)
}

const SIGNS: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;', '\n': '&#10;', '\t': '&#9;' }

function escaped(value: unknown, attribute = false): string {
  if (isObject(value)) throw fault('an attribute or text is an object')
  const text = jsonText(value)
  if (IMPOSSIBLE.test(text)) throw fault('a text holds a control character, which XML cannot carry')
  return text.replace(attribute ? /[&<>"\r\n\t]/g : /[&<>\r]/g, (c) => SIGNS[c]!)
}

function check(name: string): void {
  if (!NAME.test(name)) throw fault(`${JSON.stringify(name.slice(0, 60))} cannot be the name of an element or attribute`)
}

function fault(message: string): IsthmusError {
  return new IsthmusError('InvalidInput', message, { field: 'body', cure: 'correct the body' })
}
