import { jsonText } from '../../model/json/index.ts'

/** A record that cannot be sent for what is in it. */
export class RefusedRecord extends Error {
  /** Column the reason is about; '' when that is unknown. */
  readonly field: string

  constructor(reason: string, field = '') {
    super(reason)
    this.field = field
  }
}

const PLACEHOLDER = /\{([^{}]+)\}/g
const WHOLE = /^\{([^{}]+)\}$/

/** A text with its `{column}` filled in. Throws RefusedRecord for a column without a value: an address must not lead elsewhere. */
export function fillText(template: string, values: Record<string, unknown>, encode: (text: string) => string = (t) => t): string {
  return template.replace(PLACEHOLDER, (_, name: string) => {
    const value = values[name]
    if (value === null || value === undefined || value === '') throw new RefusedRecord(`${name} is empty, but ${JSON.stringify(template)} needs it`, name)
    return encode(jsonText(value))
  })
}

/** A path with its `{column}` filled in, URL-encoded. Throws RefusedRecord for a value that would lead to another path. */
export function fillPath(template: string, values: Record<string, unknown>): string {
  const path = fillText(template, values, encodeURIComponent)
  if (path !== template && path.split(/[/?#]/).some((part) => part === '.' || part === '..')) {
    throw new RefusedRecord(`the path ${JSON.stringify(template)} would lead elsewhere: a value is "." or ".."`)
  }
  return path
}

/** A JSON template with its `{column}` filled in: a text that is exactly `{column}` becomes the typed value. */
export function fillBody(template: unknown, values: Record<string, unknown>): unknown {
  if (typeof template === 'string') {
    const whole = WHOLE.exec(template)
    if (whole) return values[whole[1]!] ?? null
    return template.replace(PLACEHOLDER, (_, name: string) => {
      const value = values[name]
      return value === null || value === undefined ? '' : jsonText(value)
    })
  }
  if (Array.isArray(template)) return template.map((item) => fillBody(item, values))
  if (template !== null && typeof template === 'object') return Object.fromEntries(Object.entries(template).map(([key, value]) => [key, fillBody(value, values)]))
  return template
}
