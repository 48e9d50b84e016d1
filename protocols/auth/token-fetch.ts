import { parseExact } from '../../model/json/index.ts'
import { checkHeaders } from '../http/index.ts'
import type { Http, HttpResponse } from '../http/index.ts'

/** Fields of a token response that are kept for oauth4webapi; others (id_token, scope, vendor objects) are not ours to check. */
const FIELDS = ['access_token', 'token_type', 'expires_in', 'refresh_token', 'error', 'error_description']

/** No token answer is larger. */
const MAX_TOKEN_BYTES = 1024 * 1024

export interface TokenFetch {
  /** For oauth4webapi's `customFetch`. */
  fetch: (url: string, options: { body?: unknown; headers: Record<string, string>; signal?: AbortSignal }) => Promise<Response>
  /** The last answer of the token endpoint. */
  last: () => HttpResponse | null
  /** A request began to leave. */
  sent: () => boolean
}

/**
 * A fetch for oauth4webapi over our own client: only the token endpoint's origin, no redirects, our limits and redaction.
 * What real servers get wrong but can be understood is put right: no token_type, 201 for 200, a JSON body under another
 * type, an error in an answer with status 200, a life that is no number, an empty refresh token.
 */
export function tokenFetch(http: Http, headers: Record<string, string>, signal?: AbortSignal): TokenFetch {
  let last: HttpResponse | null = null
  let sent = false
  return {
    last: () => last,
    sent: () => sent,
    async fetch(url, options) {
      checkHeaders(headers, (name) => `from.auth.tokenHeaders.${name}`)
      last = await http.request({
        method: 'POST',
        url,
        origins: [new URL(url).origin],
        redirects: 0,
        headers: { ...options.headers, ...headers },
        body: String(options.body),
        signal,
        fresh: true,
        maxBytes: MAX_TOKEN_BYTES,
        onSend: () => {
          sent = true
        },
      })
      return toResponse(last)
    },
  }
}

function toResponse({ status, headers, body }: HttpResponse): Response {
  const json = parseObject(body)
  const ok = status >= 200 && status < 300
  // What is no object is no token; it is quoted from `last`.
  if (json === null) return new Response(ok ? '' : null, { status: status === 204 ? 200 : status, headers: pick(headers) })
  const kept: Record<string, unknown> = {}
  for (const field of FIELDS) {
    const value = json[field]
    if (typeof value === 'string' || typeof value === 'boolean') kept[field] = value
    else if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Number) kept[field] = Number(value)
  }
  // A life that is no number says nothing: the token is used until it is refused.
  const life = typeof kept['expires_in'] === 'string' && kept['expires_in'].trim() !== '' ? Number(kept['expires_in']) : kept['expires_in']
  if (typeof life === 'number' && life >= 0 && life < Infinity) kept['expires_in'] = life
  else delete kept['expires_in']
  // Neither does an empty refresh token; refusing the whole answer would lose the pair that it may have used up.
  if (kept['refresh_token'] === '') delete kept['refresh_token']
  const failed = typeof kept['error'] === 'string' && kept['error'] !== ''
  if (ok && !failed && !/^dpop$/i.test(String(kept['token_type']))) kept['token_type'] = 'bearer'
  return new Response(JSON.stringify(kept), {
    status: ok ? (failed ? 400 : 200) : status,
    headers: { ...pick(headers), 'content-type': 'application/json' },
  })
}

function pick(headers: Record<string, string>): Record<string, string> {
  return headers['content-type'] === undefined ? {} : { 'content-type': headers['content-type'] }
}

function parseObject(body: Buffer): Record<string, unknown> | null {
  try {
    // Bytes that are no UTF-8 stand in descriptions; the rest can be read all the same.
    const value = parseExact(Buffer.from(body.toString('utf8')))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
