import { pathKeys } from '../../model/index.ts'
import type { Path, Source } from '../../model/index.ts'
import { compilePath } from '../../model/mapping/index.ts'
import { waitHint, type Verdict } from '../http/index.ts'
import type { Judge, JudgeContext } from '../rest/judge.ts'
import { costOf, costWait } from './cost.ts'
import { errorsOf, statusOf, type GraphqlError } from './errors.ts'
import { kindOf, kindOfStatus, type ErrorKind } from './sort.ts'

const LONGEST_REASON = 300
/** The worst of several errors decides. */
const ORDER: ErrorKind[] = ['throttled', 'authRequired', 'permission', 'refused', 'transient', 'field']

/**
 * What an answer of a GraphQL API means beyond its status (https://spec.graphql.org/October2021/#sec-Response, GraphQL over HTTP): errors come with 200
 * as well as 400. Data beside errors is no success, unless the source says `partial: 'keep'` and all errors lie inside single records.
 * `records`: where the stream's records stand in the answer.
 */
export function judgeGraphql({ partial }: Pick<Source, 'partial'>, records: Path | null = null): Judge {
  const inside = records === null ? null : insideOf(records)
  const pick = records === null ? null : compilePath(records)
  return (value, context) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return null
    const answer = value as Record<string, unknown>
    const errors = errorsOf(answer)
    if (errors.length === 0) return missingData(answer, context)
    const sorted = errors.map((error) => ({ error, kind: kindOf(error) }))
    const worst = sorted.reduce((a, b) => (ORDER.indexOf(b.kind) < ORDER.indexOf(a.kind) ? b : a))
    const reason = reasonOf(worst.error, errors.length, context)
    const stops = worst.kind === 'throttled' || worst.kind === 'authRequired'
    if (!stops && partial === 'keep' && inside !== null && context.status < 400 && errors.every(inside) && Array.isArray(pick!(value))) {
      return { verdict: { kind: 'ok' }, notice: `The API gave records with errors in them, which are kept as they are (partial: 'keep'): ${reason}`.slice(0, LONGEST_REASON + 100) }
    }
    return { verdict: verdictOf(worst, answer, reason, context) }
  }
}

function verdictOf({ error, kind }: { error: GraphqlError; kind: ErrorKind }, answer: Record<string, unknown>, reason: string, context: JudgeContext): Verdict {
  // A status that says more than an error nobody knows.
  const known = (kind === 'refused' || kind === 'field') && error.code === '' && context.status >= 400 && context.status !== 400 && context.status !== 422 ? kindOfStatus(context.status) : kind
  switch (known) {
    case 'throttled':
      return throttled(error, answer, reason, context)
    case 'authRequired':
    case 'permission':
    case 'refused':
      return { kind: known, reason }
    case 'transient':
      return { kind: 'transient', reason, last: 'Transient' }
    case 'field':
      // It may be a moment's trouble behind one resolver: tried again, then shown to the author.
      return { kind: 'transient', reason, last: 'Contract' }
  }
}

/** The wait: from the bucket (cost - available) / restoreRate, from a header, or from what the error says itself. */
function throttled({ extensions, message }: GraphqlError, answer: Record<string, unknown>, reason: string, { headers, nowMs }: JudgeContext): Verdict {
  const cost = costOf(answer)
  if (cost) {
    const wait = costWait(cost)
    if (wait === null) return { kind: 'refused', reason: `${reason}; the query costs ${cost.requested} points and the bucket holds ${cost.max}: ask for fewer records (first) or fields` }
    return { kind: 'throttled', untilMs: nowMs + wait, reason }
  }
  const hint = waitHint(headers, nowMs)
  if (hint) return { kind: 'throttled', untilMs: hint.untilMs, reason }
  const seconds = [extensions['retryAfter'], extensions['retry_after'], extensions['retry_in_seconds'], extensions['retryInSeconds'], /(?:retry|reset|try again)\D{0,20}(\d{1,5})\s*s(?:ec|\b)/i.exec(message)?.[1]].map(Number).find((n) => n > 0 && n <= 86_400)
  return { kind: 'throttled', untilMs: seconds === undefined ? null : nowMs + seconds * 1000, reason }
}

/** An answer without errors has data (https://spec.graphql.org/October2021/#sec-Data). Others are no answer of a GraphQL API. */
function missingData(answer: Record<string, unknown>, { status, redactor }: JudgeContext): ReturnType<Judge> {
  if (status >= 300 || !('data' in answer) || (answer['data'] !== null && answer['data'] !== undefined)) return null
  return { verdict: { kind: 'transient', last: 'Contract', reason: redactor.text(`HTTP ${status}: the answer has neither data nor errors`) } }
}

function reasonOf(error: GraphqlError, count: number, { status, redactor }: JudgeContext): string {
  const parts = [error.code === '' ? '' : `${error.code}: `, error.message.replace(/[\u0000-\u0020\u007f-\u009f]+/g, ' ').trim(), error.path === null ? '' : ` (at ${error.path.join('.')})`, count > 1 ? `, and ${count - 1} more` : '']
  const named = statusOf(error)
  return `HTTP ${status}${named !== null && named !== status ? ` (${named})` : ''}: ${redactor.text(parts.join(''))}`.slice(0, LONGEST_REASON)
}

/** An error lies inside one of the records: its path goes through the list and further. */
function insideOf(records: Path): (error: GraphqlError) => boolean {
  const keys = pathKeys(records)
  if (keys[0] !== 'data') return () => false
  const below = keys.slice(1)
  const least = below.length + (below.includes('*') ? 0 : 1)
  return ({ path }) => path !== null && path.length >= least && below.every((key, i) => (key === '*' ? typeof path[i] === 'number' : path[i] === key))
}
