import { jsonText, revive, stringifyExact } from '../../model/json/index.ts'

/** One error of an answer, in whatever shape the server gives it (https://spec.graphql.org/October2021/#sec-Errors). */
export interface GraphqlError {
  message: string
  /** Response path, `['orders', 'nodes', 3, 'customer']`; null when the error is not about a field. */
  path: (string | number)[] | null
  /** What servers call its kind, in upper case: `THROTTLED`, `BAD_USER_INPUT`; '' when they do not. */
  code: string
  extensions: Record<string, unknown>
}

/** How many errors of an answer are looked at. */
const MOST = 1_000
const CODES = ['code', 'type', 'errorType', 'errorCode', 'error_code', 'classification', 'category']

/** The errors of an answer; [] when there are none, also for `errors: []` and `errors: null`. */
export function errorsOf(answer: Record<string, unknown>): GraphqlError[] {
  const found = answer['errors'] ?? answer['error']
  if (found === undefined || found === null || found === '' || found === false) return []
  if (Array.isArray(found)) return found.slice(0, MOST).map(oneError)
  // Shopify: `errors: { query: "..." }` or a text.
  if (typeof found === 'object' && !('message' in found)) {
    const texts = Object.entries(revive(found) as object).map(([name, value]) => `${name}: ${jsonText(value)}`)
    return texts.length === 0 ? [] : [{ ...oneError(texts.join('; ')), code: codeOf(answer['extensions'], answer) }]
  }
  return [oneError(found)]
}

function oneError(given: unknown): GraphqlError {
  const error = revive(given)
  if (error === null || typeof error !== 'object') return { message: jsonText(error), path: null, code: '', extensions: {} }
  const { message, path, extensions } = error as Record<string, unknown>
  const more = extensions !== null && typeof extensions === 'object' ? (extensions as Record<string, unknown>) : {}
  const where = Array.isArray(path) ? path.filter((k) => typeof k === 'string' || typeof k === 'number') : typeof path === 'string' ? path.split('.') : null
  return {
    message: typeof message === 'string' && message !== '' ? message : stringifyExact(error),
    path: where !== null && where.length > 0 ? where : null,
    code: codeOf(more, error as Record<string, unknown>),
    extensions: more,
  }
}

/** The kind: of `extensions` (Apollo, yoga, Shopify, Hasura, DGS, Lighthouse), else of the error itself (GitHub, AppSync). */
function codeOf(extensions: unknown, error: Record<string, unknown>): string {
  for (const holder of [extensions, error]) {
    if (holder === null || typeof holder !== 'object') continue
    for (const name of CODES) {
      const value = (holder as Record<string, unknown>)[name]
      if (typeof value === 'string' && value !== '') return value.toUpperCase().replace(/[^A-Z0-9]+/g, '_')
    }
  }
  return ''
}

/** HTTP status that an error names in its extensions (yoga, NestJS, Apollo data sources); null when it names none. */
export function statusOf({ extensions }: GraphqlError): number | null {
  const inside = (value: unknown, name: string): unknown => (value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[name] : undefined)
  const found = [inside(extensions['http'], 'status'), extensions['statusCode'], extensions['status'], inside(extensions['response'], 'status'), inside(extensions['response'], 'statusCode')].map(Number).find((n) => Number.isInteger(n) && n >= 400 && n <= 599)
  return found ?? null
}
