import { IsthmusError, pathKeys } from '../../model/index.ts'

/** What is known when a request is built, by the name of its placeholder. */
export type Vars = Readonly<Record<string, string | number | undefined>>

/** Names of placeholders, as part of a regular expression. */
export const PLACEHOLDERS = 'cursor|page|offset|size|since|until|from|to|after|job|version|parent\\.[^{}]+'
const ANY = new RegExp(`\\{(${PLACEHOLDERS})\\}`, 'g')
const WHOLE = new RegExp(`^\\{(${PLACEHOLDERS})\\}$`)
/** A value that stands inside a text of a query language must not end its literal. */
const UNSAFE = /['"\\`\u0000-\u001f]/

/** A text is exactly one placeholder: its value, undefined as long as it is not known. null: it is something else. */
export function whole(text: string, vars: Vars): { value: string | number | undefined } | null {
  const name = WHOLE.exec(text)?.[1]
  return name === undefined ? null : { value: vars[name] }
}

/** A text with its placeholders filled in; for what is not known what stands under its name with a `?`, else ''. Throws Contract for a value that would leave a quoted text. */
export function fill(text: string, vars: Vars): string {
  return text.replace(ANY, (_, name: string) => {
    const value = String(vars[name] ?? vars[`${name}?`] ?? '')
    if (text.length > name.length + 2 && UNSAFE.test(value)) {
      throw new IsthmusError('Contract', `the value of {${name}} holds quotes or control characters, so it cannot stand inside a text`, { field: 'from', cure: `send it on its own: a parameter or field that is exactly '{${name}}'` })
    }
    return value
  })
}

/** A path with its placeholders filled in, URL-encoded. Throws Contract for a value that leads elsewhere. */
export function fillRoute(path: string, vars: Vars): string {
  return path.replace(ANY, (_, name: string) => {
    const value = String(vars[name] ?? '')
    if (value === '' || value === '.' || value === '..') {
      throw new IsthmusError('Contract', `{${name}} in the path ${JSON.stringify(path.slice(0, 100))} is ${value === '' ? 'not known' : `"${value}"`}`, { field: 'from.path', cure: 'correct the path, or what it is filled with' })
    }
    return encodeURIComponent(value)
  })
}

/** A JSON value with its placeholders filled in: a text that is exactly one becomes its value, and its field is left out as long as that is not known. */
export function fillJson(value: unknown, vars: Vars): unknown {
  if (typeof value === 'string') {
    const one = whole(value, vars)
    return one ? one.value : fill(value, vars)
  }
  if (Array.isArray(value)) return value.map((v) => fillJson(v, vars)).filter((v) => v !== undefined)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, fillJson(v, vars)] as const).filter(([, v]) => v !== undefined))
}

/** A copy of a JSON object with a value at a path, whose objects are made where they are missing. */
export function setIn(body: unknown, path: string, value: unknown): unknown {
  const keys = pathKeys(path)
  const put = (at: unknown, [key, ...rest]: string[]): unknown => {
    if (key === undefined) return value
    if (Array.isArray(at)) return at.map((v, i) => (String(i) === key ? put(v, rest) : v))
    const object = at !== null && typeof at === 'object' ? (at as Record<string, unknown>) : {}
    return { ...object, [key]: put(object[key], rest) }
  }
  return put(body ?? {}, keys)
}
