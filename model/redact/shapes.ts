export const MASK = '***'
const MAX_URL = 500
const SECRET_NAME = /key|token|secret|passw|pwd|auth|signature|credential|session|assertion|jwt|^(sig|code|pin|pass|sid)$/i

const BEARER = /\b(Bearer)\s+[A-Za-z0-9\-._~+/]{16,}=*/gi
// A word alone is prose; credentials hold digits, capitals inside, or padding.
const BASIC = /\b(Basic)\s+(?=[A-Za-z+/]*[0-9+/=]|[a-z]*[A-Z])(?!auth)[A-Za-z0-9+/]{8,}={0,2}/g
const JWT = /\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g
const USERINFO = /([a-z][a-z0-9+.-]*:\/\/)[^/\s"'@?#]+@/gi
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g
const KNOWN = /\b(?:[sr]k_(?:live|test)_[A-Za-z0-9]{8,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|xox[abeoprs]-[\w-]{8,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|pat-[a-z]{2}\d-[0-9a-f-]{30,})/g
// `"password": "..."`, also with escaped quotes, and `password=...`; not what only names where a secret comes from.
const NAMED_JSON = /(\\?")([\w.-]{1,60})\1(\s*:\s*)\\?"(?:[^"\\]|\\(?!")[^"]?)*\\?"/g
const NAMED_PAIR = /\b([\w.-]{1,60})=(?!env:|@|\.\.\.|\*\*\*|["'`]?\.\.\.)([^\s&;,"'`)]+)/g
const PAIR_NAME = /(?:api_?key|access_?key|token|secret|passw(?:or)?d|pwd|client_?assertion|signature)$/i

/** A name of a query parameter, header or field that usually carries a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** Masks what looks like a secret, or stands under a name that usually carries one. */
export function byShape(text: string): string {
  if (text.length < 8) return text
  return text
    .replace(PEM, MASK)
    .replace(BEARER, `$1 ${MASK}`)
    .replace(BASIC, `$1 ${MASK}`)
    .replace(JWT, MASK)
    .replace(KNOWN, MASK)
    .replace(USERINFO, '$1')
    .replace(NAMED_JSON, (all, quote: string, name: string, colon: string) => (PAIR_NAME.test(name) || /^authorization$/i.test(name) ? `${quote}${name}${quote}${colon}${quote}${MASK}${quote}` : all))
    .replace(NAMED_PAIR, (all, name: string) => (PAIR_NAME.test(name) ? `${name}=${MASK}` : all))
}

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
