import { ResponseBodyError } from 'oauth4webapi'
import { at, IsthmusError } from '../../model/index.ts'
import type { Auth } from '../../model/index.ts'
import { bodyExcerpt, classify } from '../http/index.ts'
import type { HttpResponse, Redactor } from '../http/index.ts'
import { blameOf, cureOf } from './blame.ts'
import { signInCure } from './grant.ts'
import { isRenewed } from './renewed.ts'

/** `error` of an OAuth error answer (RFC 6749 5.2); '' when the error is of another kind. */
export function oauthCode(error: unknown): string {
  return error instanceof ResponseBodyError ? error.error : ''
}

const codes = new WeakMap<object, string>()

/** `error` of the OAuth error answer that an error of `tokenError` tells; '' when it tells something else. */
export function codeOf(error: unknown): string {
  return (typeof error === 'object' && error !== null && codes.get(error)) || ''
}

/** The error a person sees for a token request that failed: what is wrong, which field, which variable, never a value. */
export function tokenError(error: unknown, auth: Auth, endpoint: URL, answer: HttpResponse | null, redactor: Redactor, nowMs: number, connection: string): Error {
  const where = endpoint.host
  if (error instanceof IsthmusError) return at(error, { field: 'from.auth.tokenUrl' })
  if (answer === null) return error as Error
  const verdict = classify(answer, { nowMs, redactor, expects: null })
  const status = answer.status
  if (verdict.kind === 'throttled') {
    const until = new Date(verdict.untilMs ?? nowMs + 30_000)
    return new IsthmusError('RateLimited', `the token endpoint ${where} asks to wait (${verdict.reason})`, { until, status, field: 'from.auth' })
  }
  const code = oauthCode(error)
  if (code !== '') {
    const told = codeError(error as ResponseBodyError, auth, where, redactor, connection)
    codes.set(told, code)
    return told
  }
  if (verdict.kind === 'transient') return new IsthmusError('Transient', `the token endpoint ${where} answered ${verdict.reason}`, { status, field: 'from.auth.tokenUrl' })
  if (status === 401 || status === 403) return refused(auth, `the token endpoint ${where} refused the credentials (HTTP ${status})`, status, connection)
  const excerpt = bodyExcerpt(answer.body, redactor)
  const saw = status >= 200 && status < 300 ? 'an answer without a usable access_token' : `HTTP ${status}${excerpt === '' ? '' : `: ${excerpt}`}`
  return new IsthmusError('Contract', `the token endpoint ${where} gave ${saw}`, {
    status,
    field: 'from.auth.tokenUrl',
    cure: 'check the token URL and the kind of sign-in the API expects',
  })
}

function refused(auth: Auth, message: string, status: number, connection: string, other = ''): IsthmusError {
  const blame = blameOf(auth, connection)
  return new IsthmusError('AuthFailed', message, { field: blame.field, cure: cureOf(blame) + other, status })
}

/** Where else the server may look for the client secret; '' where all places were tried, or none can be chosen. A refresh token or code is not presented twice to find out. */
function otherPlace(auth: Auth): string {
  if (!isRenewed(auth) || !('clientSecret' in auth) || auth.clientAssertion !== null || !(auth.clientSecret && 'env' in auth.clientSecret)) return ''
  return auth.clientAuth === 'basic' ? "; if it is right, send it in the form: `clientAuth: 'post'`" : "; if it is right, send it in the header: `clientAuth: 'basic'`"
}

function codeError(error: ResponseBodyError, auth: Auth, where: string, redactor: Redactor, connection: string): IsthmusError {
  const description = error.error_description === undefined ? '' : `: ${redactor.text(error.error_description).slice(0, 200)}`
  const said = `${redactor.text(error.error).slice(0, 60)}${description}`
  const status = error.status
  switch (error.error) {
    case 'invalid_client':
    case 'unauthorized_client':
      return refused(auth, `the token endpoint ${where} refused the client credentials (${said})`, status, connection, otherPlace(auth))
    case 'invalid_grant': {
      if (!isRenewed(auth)) return refused(auth, `the token endpoint ${where} refused to sign in (${said})`, status, connection)
      const blame = blameOf(auth, connection, ['refreshToken'])
      return new IsthmusError('AuthFailed', `the refresh token is expired, revoked or already used (${said})`, { field: blame.field, cure: reconnectCure(auth, connection), status })
    }
    case 'invalid_scope':
    case 'invalid_target':
      return new IsthmusError('AuthFailed', `the token endpoint ${where} refused the scope or audience (${said})`, {
        field: error.error === 'invalid_scope' ? 'from.auth.scope' : 'from.auth.audience',
        cure: 'ask for a scope and audience the client is allowed to have',
        status,
      })
    case 'temporarily_unavailable':
    case 'server_error':
    case 'slow_down':
      return new IsthmusError('Transient', `the token endpoint ${where} cannot answer now (${said})`, { status, field: 'from.auth.tokenUrl' })
    default:
      return new IsthmusError('Contract', `the token endpoint ${where} does not accept the request (${said})`, {
        field: 'from.auth',
        cure: 'check the kind of sign-in, its scope and params',
        status,
      })
  }
}

/** What a person does when the refresh token is of no use any more. */
export function reconnectCure(auth: Auth, connection: string): string {
  if (auth.kind !== 'oauth2RefreshToken') return signInCure(connection)
  return cureOf(blameOf(auth, connection, ['refreshToken']), 'sign in again and put the new refresh token into')
}
