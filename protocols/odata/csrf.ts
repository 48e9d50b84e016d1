import type { PageStop, Source, Token } from '../../model/index.ts'
import type { HttpResponse, HttpTarget } from '../http/index.ts'
import { classify, joinUrl } from '../http/index.ts'
import { cookiesIn } from '../auth/cookies.ts'
import type { Connection } from '../rest/connection.ts'

/** A token and the cookies of the session it belongs to: one is worth nothing without the other. */
interface Pass {
  token: string
  cookies: Map<string, string>
}

export type CsrfPlan = NonNullable<Source['csrf']>

/** How the GET for a token is let through and signed. */
export interface CsrfCall {
  token: Token | null
  sign(target: HttpTarget): void
  signal: AbortSignal
}

/** The token that writes of one connection need; fetched once, whoever asks. */
export interface Csrf {
  /** A pass is there: nothing has to be sent. */
  readonly ready: boolean
  /** Fetches a pass unless one is there or under way. Gives why there is none. Throws IsthmusError as any request does. */
  fetch(call: CsrfCall): Promise<PageStop | null>
  /** Adds token and cookies to a write. Gives the mark to `drop` them by. */
  apply(target: HttpTarget): unknown
  /** The service no longer takes what `apply` added. */
  drop(used: unknown): void
  /** An answer says that the token is missing or has run out: no matter of permissions. */
  refused(response: Pick<HttpResponse, 'status' | 'headers'>): boolean
}

const known = new WeakMap<Connection, Map<string, Csrf>>()

/** The token of a connection, shared by all that write over it. */
export function csrfOf(connection: Connection, plan: CsrfPlan): Csrf {
  const own = known.get(connection) ?? new Map<string, Csrf>()
  known.set(connection, own)
  const name = JSON.stringify([plan.path, plan.header])
  const csrf = own.get(name) ?? createCsrf(connection, plan)
  own.set(name, csrf)
  return csrf
}

function createCsrf({ http, baseUrl }: Connection, { path, header }: CsrfPlan): Csrf {
  const name = header.toLowerCase()
  let pass: Pass | null = null
  let flight: Promise<PageStop | null> | null = null
  // The root of a service ends in a slash: without it some redirect, and lose the header on the way.
  const address = (): URL => joinUrl(baseUrl, path === '' ? '/' : path)

  const fetch = async ({ token, sign, signal }: CsrfCall): Promise<PageStop | null> => {
    const url = http.allow(address())
    const response = await http.request({ url, headers: { accept: '*/*', [name]: 'Fetch' }, signal, sign })
    const found = response.headers[name] ?? ''
    if (response.status < 400 && found !== '' && !/^required$/i.test(found)) {
      const cookies = cookiesIn(response.headers)
      for (const secret of [found, ...cookies.values()]) if (secret.length >= 8) http.redactor.add(secret)
      pass = { token: found, cookies }
      return null
    }
    return stopOf(response, token)
  }

  const stopOf = (response: HttpResponse, token: Token | null): PageStop => {
    const verdict = classify(response, { nowMs: Date.now(), redactor: http.redactor, expects: null })
    const reason = `GET ${http.redactor.url(address())} for a ${name}: ${'reason' in verdict ? verdict.reason : `HTTP ${response.status} without one`}`
    switch (verdict.kind) {
      case 'throttled':
        return { kind: 'throttled', untilMs: verdict.untilMs ?? Date.now() + 10_000, reason }
      case 'transient':
        return { kind: 'interrupted', type: 'Transient', reason, untilMs: 0 }
      case 'authRequired':
        if (token !== null) return { kind: 'authRequired', version: token.version, reason }
        return { kind: 'refused', type: 'AuthFailed', reason, field: 'to.auth', cure: 'correct the credentials and run again' }
      case 'permission':
        return { kind: 'refused', type: 'PermissionDenied', reason, field: 'to.auth', cure: 'grant these credentials the right to call the service' }
      case 'ok':
      case 'empty':
      case 'refused':
      case 'positionLost':
        return { kind: 'refused', type: 'Contract', reason, field: 'to.csrf', cure: 'name the path that hands out tokens: csrf: { path: \'/\' }, or leave csrf out' }
    }
  }

  return {
    get ready() {
      return pass !== null
    },
    fetch: (call) => (flight ??= fetch(call).finally(() => (flight = null))),
    apply(target) {
      if (pass === null) return null
      target.headers[name] = pass.token
      const cookies = [...pass.cookies].map(([k, v]) => `${k}=${v}`).join('; ')
      if (cookies !== '') target.headers['cookie'] = [target.headers['cookie'], cookies].filter(Boolean).join('; ')
      return pass
    },
    drop(used) {
      // Somebody may have fetched a new one since.
      if (pass === used) pass = null
    },
    refused: ({ status, headers }) => status === 403 && /^required$/i.test(headers[name] ?? ''),
  }
}
