import type { ErrorType } from '../../model/index.ts'
import type { Redactor } from '../../model/redact/index.ts'
import { isExhausted, waitHint } from './retry-after.ts'
import type { HttpResponse } from './types.ts'

/** What an answer means for the reader. */
export type Verdict =
  | { kind: 'ok' }
  /** 204: nothing to read, and rightly so. */
  | { kind: 'empty' }
  /** Too many requests. `untilMs` null: the API does not say how long. */
  | { kind: 'throttled'; untilMs: number | null; reason: string }
  | { kind: 'authRequired'; reason: string }
  | { kind: 'permission'; reason: string }
  /** Worth another try; `last` is the error when it stays so. */
  | { kind: 'transient'; reason: string; last: ErrorType }
  | { kind: 'refused'; reason: string }
  /** The API no longer knows the place to go on from. */
  | { kind: 'positionLost'; reason: string }

/** Codes by which APIs say "too many" under another status than 429. */
const LIMIT_CODES =
  /REQUEST_LIMIT_EXCEEDED|ConcurrentRequestsLimit|(?:user)?rateLimitExceeded|rate_limit(?:ed|_exceeded)|quotaExceeded|quota_exceeded|dailyLimitExceeded|TooManyRequests|too_many_requests|THROTTLED|ThrottlingException|RequestThrottled|SlowDown|EXCEEDED_CONCURRENCY|EXCEEDED_MAX_CONCURRENT/i
const LIMIT_WORDS = /rate limit|too many requests|quota (?:has been )?exceeded|request limit/i
const EXCERPT_BYTES = 4096

export interface ClassifyOptions {
  nowMs: number
  redactor: Redactor
  /** What the body has to look like when the status is 2xx; null: anything. */
  expects: 'json' | 'xml' | 'text' | null
}

/** Sorts an answer by status, headers and body into what to do about it. */
export function classify(response: HttpResponse, options: ClassifyOptions): Verdict {
  const { status, headers, body } = response
  if (status >= 200 && status < 300) return options.expects !== null ? classifyBody(response, options, options.expects) : { kind: 'ok' }
  const excerpt = bodyExcerpt(body, options.redactor)
  const reason = `HTTP ${status}${excerpt === '' ? '' : `: ${excerpt}`}`
  const hint = waitHint(headers, options.nowMs)
  const throttled: Verdict = { kind: 'throttled', untilMs: hint?.untilMs ?? null, reason: hint ? `HTTP ${status}, ${hint.header}` : reason }
  const text = body.toString('latin1', 0, EXCERPT_BYTES)
  if (status === 429) return throttled
  if (status === 503 && ((headers['retry-after'] !== undefined && hint) || LIMIT_CODES.test(text))) return throttled
  if (status === 403 && (isExhausted(headers) || (headers['retry-after'] !== undefined && hint) || LIMIT_WORDS.test(text))) return throttled
  if ((status === 400 || status === 401 || status === 403 || status === 420) && LIMIT_CODES.test(text)) return throttled
  if (status === 401) return { kind: 'authRequired', reason }
  if (status === 403) return { kind: 'permission', reason }
  if (status === 408 || status === 425 || status >= 500) return { kind: 'transient', reason, last: 'Transient' }
  return { kind: 'refused', reason }
}

const WORDS = { json: 'JSON', xml: 'XML', text: 'text' }

function classifyBody({ status, headers, body }: HttpResponse, { redactor }: ClassifyOptions, expects: keyof typeof WORDS): Verdict {
  if (status === 204 || status === 205) return { kind: 'empty' }
  const start = firstCharacter(body)
  // A file without a single record is empty.
  if (start === '' && expects === 'text') return { kind: 'ok' }
  if (start === '') return { kind: 'transient', last: 'Contract', reason: `HTTP ${status} with an empty body where ${WORDS[expects]} was expected` }
  const html = start === '<' && (/html/i.test(headers['content-type'] ?? '') || /^\s*<(?:!doctype html|html)/i.test(body.toString('latin1', 0, 300)))
  if (html || (start === '<' && expects === 'json') || (start !== '<' && expects === 'xml' && !isWide(body))) {
    const found = html ? 'HTML' : start === '<' ? 'XML' : 'something else'
    return { kind: 'transient', last: 'Contract', reason: `HTTP ${status} with ${found} where ${WORDS[expects]} was expected: ${bodyExcerpt(body, redactor)}` }
  }
  return { kind: 'ok' }
}

/** UTF-16 with its byte order mark. */
function isWide(body: Buffer): boolean {
  return (body[0] === 0xff && body[1] === 0xfe) || (body[0] === 0xfe && body[1] === 0xff)
}

/** First character that is neither white space nor a byte order mark; '' when there is none. */
function firstCharacter(body: Buffer): string {
  for (let i = 0; i < body.length; i++) {
    const c = body[i]!
    if (c === 0x20 || (c >= 0x09 && c <= 0x0d) || c === 0xef || c === 0xbb || c === 0xbf) continue
    return String.fromCharCode(c)
  }
  return ''
}

/** A short piece of a body for messages: one line, at most 200 characters, secrets removed. */
export function bodyExcerpt(body: Buffer, redactor: Redactor): string {
  const text = body.toString('utf8', 0, EXCERPT_BYTES).replace(/<(script|style)[\s\S]*?<\/\1>|<[^>]{0,200}>/gi, ' ')
  const line = redactor.text(text).replace(/[\u0000-\u0020\u007f-\u009f\ufffd\u200b-\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ').trim()
  return line.length > 200 ? `${line.slice(0, 200)}...` : line
}
