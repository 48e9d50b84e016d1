import type { FastifyReply, FastifyRequest } from 'fastify'
import { IsthmusError } from '../../model/errors.ts'
import { sameSecret } from '../../model/same-secret.ts'
import { allows, holdsKey, TOKEN_CALLER, type ApiKeys, type Caller, type Scope } from '../api-keys.ts'
import { HttpError } from './problem.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a key needs to be allowed to do; a route without one is for `admin` alone. */
    scope?: Scope
    /** For everybody, without a key. */
    open?: true
  }
  interface FastifyRequest {
    caller: Caller | null
  }
}

/** Lets callers through that hold the token of the environment, or a key with the scope of the route. */
export function guard(token: string, keys: ApiKeys): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  return async (request, reply) => {
    const { scope = 'admin', open } = request.routeOptions.config
    // Addresses are written to logs and histories of browsers.
    if (holdsKey(request.url)) throw new HttpError(400, new IsthmusError('InvalidInput', 'a key does not belong in an address', { field: 'authorization', cure: 'send it in the header authorization, and revoke this one: it may be in logs' }))
    if (open || request.is404) return
    const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const caller = sameSecret(given, token) ? { id: TOKEN_CALLER, scopes: ['admin'] } : await keys.caller(given)
    if (!caller) {
      void reply.header('www-authenticate', given === '' ? 'Bearer realm="isthmus"' : 'Bearer realm="isthmus", error="invalid_token"')
      throw new HttpError(401, new IsthmusError('AuthFailed', given === '' ? 'a key is missing' : 'the key is not known, was revoked, or is over', { field: 'authorization', cure: 'send one in the header authorization, behind the word Bearer; `isthmus keys create` makes one' }))
    }
    if (!allows(caller, scope)) {
      void reply.header('www-authenticate', `Bearer realm="isthmus", error="insufficient_scope", scope="${scope}"`)
      throw new HttpError(403, new IsthmusError('PermissionDenied', `the key lacks the scope ${scope}`, { field: 'authorization', cure: `make one with \`isthmus keys create --scope ${scope}\`` }))
    }
    request.caller = caller
  }
}
