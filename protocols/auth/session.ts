import { IsthmusError, durationMs, pathKeys } from '../../model/index.ts'
import type { Auth, Token, Value } from '../../model/index.ts'
import { parseExact } from '../../model/json/index.ts'
import { bodyExcerpt, checkHeaders, classify } from '../http/index.ts'
import type { HttpResponse } from '../http/index.ts'
import { basicHeader } from './apply.ts'
import { blameOf, cureOf } from './blame.ts'
import { addSession, cookiesIn, isAllCookies } from './cookies.ts'
import { secretText } from './secrets.ts'
import { tokenEndpoint } from './token-url.ts'
import type { AuthDeps } from './types.ts'

type Session = Extract<Auth, { kind: 'session' }>

/** Logs in and gives the session's token. A login uses nothing up, so it may be repeated. Throws AuthFailed, RateLimited, Contract, Transient or Unreachable. */
export async function logIn(auth: Session, deps: AuthDeps, signal?: AbortSignal): Promise<Omit<Token, 'version'>> {
  const { resolve, http } = deps
  const now = deps.now ?? Date.now
  const endpoint = tokenEndpoint(resolve(auth.loginUrl), deps.baseUrl, 'from.auth.loginUrl')
  const text = (value: Value): string => secretText(value, deps)
  const headers = Object.fromEntries(Object.entries(auth.loginHeaders).map(([name, value]) => [name.toLowerCase(), text(value)]))
  checkHeaders(headers, (name) => `from.auth.loginHeaders.${name}`)
  headers['accept'] ??= 'application/json'
  if (auth.basic) headers['authorization'] = basicHeader(resolve(auth.basic.username), text(auth.basic.password), http.redactor)
  const fields = Object.fromEntries(Object.entries(auth.body).map(([name, value]) => [name, text(value)]))
  const body = auth.method === 'GET' ? null : auth.format === 'json' ? JSON.stringify(fields) : new URLSearchParams(fields).toString()
  if (body !== null) headers['content-type'] ??= auth.format === 'json' ? 'application/json' : 'application/x-www-form-urlencoded'
  if (auth.method === 'GET') for (const [name, value] of Object.entries(fields)) endpoint.searchParams.set(name, value)
  const begunMs = now()
  const answer = await http.request({ method: auth.method, url: endpoint, origins: [endpoint.origin], redirects: 0, headers, body, signal, maxBytes: 1024 * 1024 })
  refuse(auth, deps, answer, endpoint.host, now())
  const accessToken = sessionIn(auth, answer)
  if (accessToken === '') {
    const blame = blameOf(auth, deps.connection ?? '')
    const excerpt = bodyExcerpt(answer.body, http.redactor)
    // Many systems answer 200 with an error in the body when a login fails.
    throw new IsthmusError('AuthFailed', `the login at ${endpoint.host} gave no session (HTTP ${answer.status}${excerpt === '' ? '' : `: ${excerpt}`})`, { field: 'from.auth.token', status: answer.status, cure: `${cureOf(blame)}, or say where the answer holds it` })
  }
  addSession(auth, accessToken, http.redactor)
  return { accessToken, expiresAt: auth.ttl === '' ? null : new Date(begunMs + durationMs(auth.ttl)), refreshToken: null }
}

function refuse(auth: Session, { http, connection = '' }: AuthDeps, answer: HttpResponse, host: string, nowMs: number): void {
  const { status } = answer
  // Logins by form often answer with a redirect and a cookie.
  if (status < 400) return
  const verdict = classify(answer, { nowMs, redactor: http.redactor, expects: null })
  const reason = 'reason' in verdict ? verdict.reason : `HTTP ${status}`
  if (verdict.kind === 'throttled') throw new IsthmusError('RateLimited', `the login at ${host} asks to wait (${reason})`, { status, until: new Date(verdict.untilMs ?? nowMs + 30_000), field: 'from.auth' })
  if (verdict.kind === 'transient') throw new IsthmusError('Transient', `the login at ${host} answered ${reason}`, { status, field: 'from.auth.loginUrl' })
  if (status === 404 || status === 405 || status === 415) throw new IsthmusError('Contract', `the login at ${host} answered ${reason}`, { status, field: 'from.auth.loginUrl', cure: 'check the address and method of the login' })
  const blame = blameOf(auth, connection)
  throw new IsthmusError('AuthFailed', `the login at ${host} was refused (${reason})`, { status, field: blame.field, cure: cureOf(blame) })
}

function sessionIn(auth: Session, { headers, body }: HttpResponse): string {
  if (auth.from === 'header') return headers[String(pathKeys(auth.token).at(-1)).toLowerCase()] ?? ''
  if (auth.from === 'cookie') {
    const cookies = cookiesIn(headers)
    const name = pathKeys(auth.token).join('.')
    if (isAllCookies(auth)) return [...cookies].map(([n, value]) => `${n}=${value}`).join('; ')
    return cookies.get(name) ?? ''
  }
  let value: unknown
  try {
    // A number beyond 2^53 must not lose digits. Bytes that are no UTF-8 stand in messages beside it.
    value = parseExact(Buffer.from(body.toString('utf8')))
  } catch {
    return ''
  }
  for (const key of pathKeys(auth.token)) value = value !== null && typeof value === 'object' && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : ''
}
