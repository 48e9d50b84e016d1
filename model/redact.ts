/** Removes secrets from texts by value, by name and by shape. */
export interface Redactor {
  /** Registers a value that must never be shown. Values below 4 characters are left out: they would blank ordinary text. */
  add(secret: string): void
  /** Text without registered values, bearer tokens, JWTs and URL user names. */
  text(text: string): string
  /** A URL without user info, fragment and secret query values. */
  url(url: string | URL): string
  /** The text holds a registered value. */
  holds(text: string): boolean
}

export const MASK = '***'
const MAX_URL = 500
const SECRET_NAME = /key|token|secret|passw|pwd|auth|signature|credential|session|assertion|jwt|^(sig|code|pin|pass|sid)$/i
const BEARER = /\b(Bearer)\s+[A-Za-z0-9\-._~+/]{16,}=*/gi
const JWT = /\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g
const USERINFO = /(https?:\/\/)[^/\s"'@?#]+@/gi

/** A name of a query parameter, header or field that usually carries a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
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

/** A redactor with its own list of registered values. */
export function createRedactor(): Redactor {
  const forms = new Set<string>()
  const byValue = (text: string) => {
    let out = text
    for (const form of forms) if (out.includes(form)) out = out.replaceAll(form, MASK)
    return out
  }
  return {
    add(secret) {
      if (secret.length < 4 || forms.has(secret)) return
      const json = JSON.stringify(secret).slice(1, -1)
      const form = new URLSearchParams({ v: secret }).toString().slice(2)
      // Longer forms first, so that no rest of an encoded value stays behind.
      const all = [...forms, secret, json, encodeURIComponent(secret), form].sort((a, b) => b.length - a.length)
      forms.clear()
      for (const f of all) forms.add(f)
    },
    text: (text) => byValue(text).replace(BEARER, `$1 ${MASK}`).replace(JWT, MASK).replace(USERINFO, '$1'),
    url: (url) => byValue(redactUrl(url)),
    holds: (text) => {
      for (const form of forms) if (text.includes(form)) return true
      return false
    },
  }
}

/** The redactor of this process: it knows every secret that was opened here. Logs, errors, progress and rejects pass through it. */
export const redactor: Redactor = createRedactor()
