import { pathKeys } from '../../model/index.ts'
import { PLACEHOLDERS } from '../../protocols/rest/index.ts'

/** Values of placeholders, read back from a request. */
export type Found = Record<string, string>

const PLACE = new RegExp(`\\{(${PLACEHOLDERS})\\}`, 'g')

/** Reads placeholders back out of a text; null when the text does not fit its template. */
export function fromText(template: string, text: string, value = '(.*?)'): Found | null {
  const names: string[] = []
  const source = template.split(PLACE).map((part, i) => (i % 2 === 0 ? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : (names.push(part), value))).join('')
  const found = new RegExp(`^${source}$`, 's').exec(text)
  return found && Object.fromEntries(names.map((name, i) => [name, found[i + 1]!]))
}

/** The same of a JSON value; what the template lacks may be there (parameters of paging). */
export function fromJson(template: unknown, value: unknown): Found | null {
  if (typeof template === 'string') {
    if (value === undefined || value === null) return /^\{[^{}]+\}$/.test(template) ? {} : null
    return fromText(template, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  if (template === null || typeof template !== 'object') return template === value ? {} : null
  if (value === null || typeof value !== 'object') return null
  let found: Found = {}
  const given = value as Record<string, unknown>
  for (const [key, part] of Object.entries(template)) {
    const inner = fromJson(part, given[key])
    if (inner === null) return null
    found = { ...found, ...inner }
  }
  return found
}

/** What stands at a path, as text; null when there is nothing. */
export function textAt(value: unknown, path: string): string | null {
  let here = value
  for (const key of pathKeys(path)) here = here === null || typeof here !== 'object' ? undefined : (here as Record<string, unknown>)[key]
  return here === undefined || here === null ? null : String(here)
}
