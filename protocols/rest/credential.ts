import type { PageStop, Token } from '../../model/index.ts'
import type { Call } from './call.ts'

export type Credential = { token: Token | null } | { stop: PageStop }

/**
 * The token for the next request, without refreshing it. One that ran out stops the call before it costs a request,
 * except for the first: clocks of machines differ, and every call must be able to make progress.
 */
export async function credential(call: Call): Promise<Credential> {
  if (!call.options.reader.connection.authenticator.needsToken) return { token: null }
  let token = await (call.token ??= call.options.token())
  if (token !== null && isOver(token, call)) {
    call.token = call.options.token()
    token = await call.token
  }
  if (token === null || token.version === 0 || token.accessToken === '') {
    return { stop: { kind: 'authRequired', version: token?.version ?? 0, reason: 'there is no token yet' } }
  }
  if (isOver(token, call) && call.handed > 0) {
    return { stop: { kind: 'authRequired', version: token.version, reason: 'the token has run out' } }
  }
  return { token }
}

function isOver(token: Token, call: Call): boolean {
  return token.expiresAt !== null && token.expiresAt.getTime() <= call.now()
}
