import type { Source } from '../../model/index.ts'
import { revive } from '../../model/json/index.ts'
import type { Judge, Judged, JudgeContext } from '../rest/judge.ts'

const MOST = 300
/** What the status alone says better: how long to wait. */
const LIMITS = /limit|throttl|quota|too many/i

/**
 * What an OData answer means beyond its status: errors inside answers of 200 (OData 4.01 JSON 19.5: the server failed on the way), locks
 * (423), tokens against forgery that have run out (403 with `x-csrf-token: Required`), and why a request was refused, in the words of the
 * error body: `error.message` (V4), `error.message.value` and `innererror.errordetails` (V2).
 */
export function judgeOdata(_source: Pick<Source, 'partial'>): Judge {
  return (value, context) => {
    const { status, headers } = context
    if (status === 403 && /^required$/i.test(headers['x-csrf-token'] ?? '')) return transient('the x-csrf-token has run out', context)
    const told = messageOf(value)
    if (status === 423) return transient(told ?? 'locked by somebody else', context)
    if (told === null) return null
    if (status < 300) return transient(`an error inside the answer: ${told}`, context)
    // 401, 403, 429 and 5xx mean what they say.
    if (status < 400 || status >= 500 || [401, 403, 408, 425, 429].includes(status) || LIMITS.test(told)) return null
    return { verdict: { kind: 'refused', reason: reasonOf(told, context) } }
  }
}

function transient(why: string, context: JudgeContext): Judged {
  return { verdict: { kind: 'transient', reason: reasonOf(why, context), last: 'Transient' } }
}

function reasonOf(told: string, { status, redactor }: JudgeContext): string {
  return `HTTP ${status}: ${redactor.text(told).replace(/\s+/g, ' ').slice(0, MOST)}`
}

/** What an error body says; null when it is none. Codes of SAP and field names help whoever looks for the cause. */
function messageOf(value: unknown): string | null {
  const error = part(value, 'error') ?? part(value, 'odata.error')
  if (error === null || typeof error !== 'object') return null
  const message = text(part(error, 'message')) ?? text(part(part(error, 'message'), 'value'))
  if (message === null) return null
  const code = text(part(error, 'code'))
  const inner = part(part(error, 'innererror'), 'errordetails')
  const list = Array.isArray(inner) ? inner : part(error, 'details')
  const details = (Array.isArray(list) ? list : []).map((d: unknown) => text(part(d, 'message'))).filter((m): m is string => m !== null && m !== message)
  return [code ? `${message} (${code})` : message, ...new Set(details)].join('; ')
}

function part(value: unknown, key: string): unknown {
  return value !== null && typeof value === 'object' && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : null
}

function text(value: unknown): string | null {
  const plain = revive(value)
  return typeof plain === 'string' && plain.trim() !== '' ? plain.trim() : plain instanceof Number || typeof plain === 'number' ? String(plain) : null
}
