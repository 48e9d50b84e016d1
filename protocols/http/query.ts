/** Percent-encoding that any form or RFC 3986 decoder reads alike: a space is %20, never +. */
export function encodeQuery(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

function nameOf(pair: string): string {
  const name = pair.split('=', 1)[0]!.replaceAll('+', ' ')
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** Sets the values of one parameter and leaves the text of all others untouched (`URLSearchParams` would rewrite them). No values remove it. */
export function setQuery(url: URL, name: string, values: readonly string[]): void {
  const rest = url.search.slice(1).split('&').filter((pair) => pair !== '' && nameOf(pair) !== name)
  url.search = [...rest, ...values.map((value) => `${encodeQuery(name)}=${encodeQuery(value)}`)].join('&')
}

/** The parameter occurs in the address. */
export function hasQuery(url: URL, name: string): boolean {
  return url.search.slice(1).split('&').some((pair) => pair !== '' && nameOf(pair) === name)
}

/**
 * Joins a base address and a path as people mean it: `/orders` below `https://host/api` is `https://host/api/orders`.
 * An absolute address stays as it is. A query of the base is kept in front of the path's own.
 */
export function joinUrl(base: string, path: string): URL {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return new URL(path)
  const url = new URL(base)
  const [, route, query] = /^([^?]*)\??(.*)$/s.exec(path.replace(/#.*$/s, ''))!
  if (route !== '') url.pathname = `${url.pathname.replace(/\/+$/, '')}/${route!.replace(/^\/+/, '')}`
  if (query !== '') url.search = [url.search.slice(1), query].filter(Boolean).join('&')
  return url
}
