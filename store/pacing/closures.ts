import type { Closed } from '../../model/pacer.ts'
import type { Answer } from './wire.ts'

/** What keeps the account closed, as an answer of the database tells it; null when it is open. */
export function closure(account: string, answer: Answer): Closed | null {
  const until = (ms: number): number => Math.ceil(Date.now() + ms)
  if ((answer.blockedMs ?? 0) > 0) return { kind: 'throttled', untilMs: until(answer.blockedMs!), reason: answer.blockedReason, type: 'RateLimited', opening: 0 }
  if (answer.down && answer.why !== '') {
    return { kind: 'down', untilMs: until(Math.max(answer.downMs ?? 0, answer.why === 'probe' ? 2_000 : 0)), reason: downReason(account, answer), type: answer.failureType || 'Transient', opening: answer.opening }
  }
  return null
}

/** One outage has one text, so that it is one cause in receipts. */
function downReason(account: string, { since, failure }: Answer): string {
  const when = since === null ? '' : ` since ${new Date(since).toISOString().slice(11, 19)} UTC`
  return `${account} has not answered${when}: ${failure}`.slice(0, 300)
}

export const ALLOWANCE = 'the allowance of this account'
export const OTHERS = 'the allowance of this account, as its headers tell: others use it too'
export const ROOM = 'runs of this account go first'
export const POINTS = 'the points of this account, as its answers tell'
