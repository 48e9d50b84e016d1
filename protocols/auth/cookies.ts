import { pathKeys } from '../../model/index.ts'
import type { Auth } from '../../model/index.ts'
import type { Redactor } from '../http/index.ts'

type Session = Pick<Extract<Auth, { kind: 'session' }>, 'from' | 'token'>

/** The session is all cookies of the login. */
export function isAllCookies(auth: Session): boolean {
  return auth.from === 'cookie' && pathKeys(auth.token).join('.') === '*'
}

/** Cookies that an answer sets (RFC 6265 5.2); those it empties are left out. */
export function cookiesIn(headers: Record<string, string>): Map<string, string> {
  const cookies = new Map<string, string>()
  for (const line of (headers['set-cookie'] ?? '').split('\n')) {
    const [pair = ''] = line.split(';', 1)
    const at = pair.indexOf('=')
    if (at <= 0) continue
    const name = pair.slice(0, at).trim()
    const value = pair.slice(at + 1).trim()
    if (value === '') cookies.delete(name)
    else cookies.set(name, value)
  }
  return cookies
}

/** Short ones name a machine or a language: they would blank ordinary text. */
const LEAST = 12

/** Registers a session for redaction; of several cookies also each by itself. */
export function addSession(auth: Session, session: string, redactor: Redactor): void {
  redactor.add(session)
  if (!isAllCookies(auth)) return
  for (const pair of session.split('; ')) {
    const value = pair.slice(pair.indexOf('=') + 1)
    if (value.length >= LEAST) redactor.add(value)
  }
}
