import { isSecretName, MASK } from './shapes.ts'

const MAX_URL = 500
const USERINFO = /(https?:\/\/)[^/\s"'?#]+@/gi

/** A URL for messages: no user info, no fragment, values of secret-looking parameters masked, at most 500 characters. */
export function redactUrl(url: string | URL): string {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    return String(url).replace(/[?#].*$/s, '').replace(USERINFO, '$1').slice(0, MAX_URL)
  }
  const query = parsed.search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const name = pair.split('=', 1)[0]!
      return isSecretName(safeDecode(name)) ? `${name}=${MASK}` : pair
    })
    .join('&')
  const text = `${parsed.origin}${parsed.pathname}${query === '' ? '' : `?${query}`}`
  return text.length > MAX_URL ? `${text.slice(0, MAX_URL)}...` : text
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
