import { statusOf, type GraphqlError } from './errors.ts'

/** What an error asks for. `field`: a field failed for a reason that its server does not classify. */
export type ErrorKind = 'throttled' | 'authRequired' | 'permission' | 'transient' | 'refused' | 'field'

/**
 * Codes of Apollo, GraphQL Yoga, Shopify, GitHub, Hasura, Linear, monday.com, AppSync, Netflix DGS, Lighthouse, Absinthe and others;
 * in upper case, words joined by `_`.
 */
const CODES: [RegExp, ErrorKind][] = [
  [/^(?:GRAPHQL_)?(?:PARSE|VALIDATION)|^(?:VALIDATION|GRAPHQL|SYNTAX)_?(?:ERROR|FAILED)?$|^INVALID_?SYNTAX|BAD_USER_INPUT|BAD_REQUEST|UNDEFINED_FIELD|ARGUMENT(?:S|_)|VARIABLE_|MISSING_REQUIRED|SELECTION_MISMATCH|MAX_COST|MAX_NODE|MAX_DEPTH|TOO_COMPLEX|QUERY_COMPLEXITY_LIMIT|PERSISTED_QUERY|OPERATION_RESOLUTION/, 'refused'],
  [/THROTTL|RATE_?LIMIT|TOO_MANY_REQUESTS|COMPLEXITY_?EXCEPTION|COMPLEXITY_BUDGET|ENHANCE_YOUR_CALM|QUOTA_EXCEEDED|CONCURRENCY_LIMIT/, 'throttled'],
  [/UNAUTHENTICATED|NOT_AUTHENTICATED|AUTHENTICATION|INVALID_?(?:JWT|TOKEN)|JWT|TOKEN_EXPIRED|EXPIRED_TOKEN|INVALID_CREDENTIALS|UNAUTHORIZEDEXCEPTION|INVALID_HEADERS/, 'authRequired'],
  [/FORBIDDEN|PERMISSION|ACCESS_?DENIED|AUTHORIZATION|INSUFFICIENT_SCOPE|UNAUTHORIZED|NOT_ALLOWED|SHOP_INACTIVE/, 'permission'],
  [/INTERNAL|UNAVAILABLE|TIME_?OUT|TIMED_OUT|DOWNSTREAM|BAD_GATEWAY|UNEXPECTED|LOADING|DEADLINE|TRANSIENT|RETRY/, 'transient'],
  [/NOT_FOUND|INVALID|CONFLICT|CONSTRAINT|UNPROCESSABLE|DATA_EXCEPTION/, 'refused'],
]

/** What servers say that give no code. */
const WORDS: [RegExp, ErrorKind][] = [
  [/^syntax error|^cannot query field|^unknown (?:argument|type|fragment|directive|operation)|^variable |^field ".*" (?:of type|argument|must)|did you mean|^argument |expected type|must provide (?:query|an operation)/i, 'refused'],
  [/\bthrottled\b|rate.?limit|too many requests|complexity budget|request limit/i, 'throttled'],
  [/\b(?:unauthenticated|not authenticated|not logged in|login required|authentication (?:required|failed)|bad credentials)\b|(?:invalid|expired|missing|unrecognized) (?:(?:api|access|auth\w*) )*(?:key|token|credentials|jwt)|jwt expired|token (?:has|is) (?:expired|invalid)/i, 'authRequired'],
  [/access denied|permission denied|\bforbidden\b|not (?:authorized|allowed|permitted)|insufficient (?:scope|permission|privilege)|must have (?:the )?.*scope/i, 'permission'],
  [/internal (?:server )?error|time(?:d)?.?out|temporarily|unavailable|try again|something went wrong/i, 'transient'],
]

/** What an error asks for, by its code, the status it names, or its words. */
export function kindOf(error: GraphqlError): ErrorKind {
  const { code, message, path } = error
  // Some mean 401 by it, some 403: one about a field is no matter of signing in.
  if (code === 'UNAUTHORIZED') return path === null ? 'authRequired' : 'permission'
  const byCode = code === '' ? undefined : CODES.find(([pattern]) => pattern.test(code))?.[1]
  if (byCode) return byCode
  const status = statusOf(error)
  if (status !== null) return kindOfStatus(status)
  return WORDS.find(([pattern]) => pattern.test(message))?.[1] ?? (path === null ? 'refused' : 'field')
}

/** What a status asks for. */
export function kindOfStatus(status: number): ErrorKind {
  if (status === 401) return 'authRequired'
  if (status === 403) return 'permission'
  if (status === 429) return 'throttled'
  return status >= 500 || status === 408 ? 'transient' : 'refused'
}
