import { placeholders } from '../../model/index.ts'
import type { Source } from '../../model/index.ts'
import { basePath } from '../account.ts'
import type { Made } from '../double/records.ts'

/** Values of columns, read back from a request. */
export type Values = Record<string, string>

/** The path of an action's request; `{column}` stays in it. */
export function pathOf(source: Source, path: string): string {
  const base = basePath(source)
  return path === '' ? base || '/' : `${base}/${path.split('?')[0]!.replace(/^\//, '')}`
}

/** Column values in path, query and body; null when it is another request. */
export function match(source: Source, path: string, asked: string, query: Record<string, string>, given: URLSearchParams, body: unknown, sent: unknown): Values | null {
  let all = fits(pathOf(source, path), decodeURIComponent(asked), '([^/]+)')
  for (const [name, template] of Object.entries(query)) {
    const inner = all && fits(template, given.get(name) ?? '', '(.*)')
    all = inner && { ...all, ...inner }
  }
  const inner = body === null ? {} : read(body, sent)
  return all && inner && { ...all, ...inner }
}

function fits(template: string, text: string, value: string): Values | null {
  const names = placeholders(template)
  const source = template.split(/\{[^{}]+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join(value)
  const hit = new RegExp(`^${source}$`, 's').exec(text)
  return hit && Object.fromEntries(names.map((n, i) => [n, hit[i + 1]!]))
}

/** Column values of a record by its template; all its fields when there is none. */
export function read(template: unknown, value: unknown): Values | null {
  if (template === null) return value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, String(v)])) : {}
  if (typeof template === 'string') return value === null || value === undefined ? null : fits(template, String(value), '(.*)')
  if (typeof template !== 'object') return {}
  let all: Values = {}
  for (const [k, part] of Object.entries(template!)) {
    const inner = read(part === null ? '' : part, part === null ? '' : (value as Made | null)?.[k])
    if (inner) all = { ...all, ...inner }
  }
  return all
}

/** What stands at `{record}` of a batch's item. */
export function insideOf(template: unknown, value: unknown): unknown {
  if (template === '{record}') return value
  if (template === null || typeof template !== 'object') return undefined
  for (const [k, part] of Object.entries(template)) {
    const inner = insideOf(part, (value as Made | null)?.[k])
    if (inner !== undefined) return inner
  }
  return undefined
}
