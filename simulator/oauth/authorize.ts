import type { Answer } from '../http/answer.ts'
import { errorAnswer } from '../http/answer.ts'
import type { OAuthDeps } from './endpoint.ts'

/** GET /oauth/authorize: says yes at once and redirects with `code` and `state`. Redirects go to loopback only. */
export function authorizeEndpoint(params: URLSearchParams, deps: OAuthDeps): Answer {
  const redirect = loopback(params.get('redirect_uri') ?? '')
  if (params.get('client_id') !== deps.config.credentials.clientId) return errorAnswer(400, 'invalid_client', 'client_id is unknown')
  if (!redirect) return errorAnswer(400, 'invalid_request', 'redirect_uri must be an http address on loopback')
  const back = (values: Record<string, string>): Answer => {
    const state = params.get('state')
    for (const [name, value] of Object.entries({ ...values, ...(state === null ? {} : { state }) })) redirect.searchParams.set(name, value)
    return { status: 302, headers: { Location: redirect.href, 'Cache-Control': 'no-store' }, body: '', records: 0 }
  }
  if (params.get('response_type') !== 'code') return back({ error: 'unsupported_response_type' })
  const challenge = params.get('code_challenge') ?? ''
  if (params.get('code_challenge_method') !== 'S256' || !/^[\w-]{43}$/.test(challenge)) return back({ error: 'invalid_request', error_description: 'PKCE with S256 is needed' })
  return back({ code: deps.tokens.code(params.get('redirect_uri')!, challenge) })
}

function loopback(text: string): URL | null {
  try {
    const url = new URL(text)
    return url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname) ? url : null
  } catch {
    return null
  }
}
