import type { Source, Token, Value } from '../model/index.ts'

/** The token that requests of the suite carry where they need one. */
export const TOKEN: Token = { version: 1, accessToken: 'conformance-token-1', expiresAt: null, refreshToken: null }

/** The path of a source's base URL, without the slash at its end. */
export function basePath({ baseUrl }: Pick<Source, 'baseUrl'>): string {
  return typeof baseUrl === 'string' ? new URL(baseUrl).pathname.replace(/\/$/, '') : ''
}

/** A source as the suite calls it: at another host, unpaced, with time-outs that are soon over. */
export function calledAt(url: string, source: Source): Source {
  const search = typeof source.baseUrl === 'string' ? new URL(source.baseUrl).search : ''
  return { ...source, baseUrl: `${url}${basePath(source)}${search}`, origins: [], limits: [], timeout: '2s', privateNetwork: true }
}

/** Gives texts of values: `conformance-name` for what stands elsewhere. */
export function stands(values: Record<string, string> = {}): (value: Value) => string {
  return (value) => {
    if (typeof value === 'string') return value
    if ('template' in value) return value.template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'x')
    const name = Object.values(value)[0] as string
    return values[name] ?? `conformance-${name}`
  }
}
