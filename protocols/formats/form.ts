import { IsthmusError } from '../../model/index.ts'
import { ExactNumber, jsonText } from '../../model/json/index.ts'
import { encodeQuery } from '../http/index.ts'

/** A surrogate without its other half, which no bytes stand for. */
const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

/**
 * A form (application/x-www-form-urlencoded, WHATWG URL 5). Forms have no nesting of their own; what is written is what Stripe, Rails and PHP
 * read: `address[city]=Berlin`, `items[0][price]=p1`. A list of plain values repeats its name, as HTML forms do: `tag=a&tag=b`; where an API
 * wants brackets, the name has them: `'expand[]': ['a', 'b']`. null is an empty value. Throws InvalidInput unless the value is an object.
 */
export function encodeForm(value: unknown): string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new IsthmusError('InvalidInput', 'a form is made of named fields', { field: 'body', cure: "give an object: { name: 'value' }" })
  }
  const pairs: string[] = []
  for (const [name, field] of Object.entries(value)) {
    if (Array.isArray(field) && field.every(isPlain)) for (const item of field) add(pairs, name, item)
    else add(pairs, name, field)
  }
  return pairs.join('&')
}

function isPlain(value: unknown): boolean {
  return value === null || typeof value !== 'object' || value instanceof ExactNumber
}

function add(pairs: string[], name: string, value: unknown): void {
  if (value === undefined) return
  if (isPlain(value)) {
    const text = value === null ? '' : jsonText(value)
    if (HALF.test(text) || HALF.test(name)) throw new IsthmusError('InvalidInput', 'a field of the form holds half a character', { field: 'body', cure: 'correct the text' })
    pairs.push(`${encodeQuery(name)}=${encodeQuery(text)}`)
    return
  }
  for (const [key, part] of Object.entries(value as object)) add(pairs, `${name}[${key}]`, part)
}
