import type { TokenVerdict } from '../../model/index.ts'
import type { HttpResponse } from '../http/index.ts'
import { oauthCode } from './token-error.ts'

const verdicts = new WeakMap<object, TokenVerdict>()

/** Notes with the error of a token request what became of the refresh token it presented. */
export function judged<E>(error: E, verdict: TokenVerdict): E {
  if (typeof error === 'object' && error !== null) verdicts.set(error, verdict)
  return error
}

/** What became of the presented refresh token: `unclear` unless it was noted. */
export function verdictOf(error: unknown): TokenVerdict {
  return (typeof error === 'object' && error !== null && verdicts.get(error)) || 'unclear'
}

/**
 * Only a request that never left, or that was turned away before it was served, surely used nothing. A server's fault (5xx), an
 * answer that cannot be read and no answer at all may each follow after the provider has made the new pair.
 */
export function judge(error: unknown, sent: boolean, answer: HttpResponse | null): TokenVerdict {
  if (!sent) return 'unused'
  if (answer === null) return 'unclear'
  const code = oauthCode(error)
  if (code === 'invalid_grant') return 'refused'
  if (answer.status >= 500 || answer.status === 408) return 'unclear'
  // Some servers write an error into an answer with status 200.
  return answer.status >= 300 || code !== '' ? 'unused' : 'unclear'
}
