import { pathKeys } from '../../model/index.ts'
import type { ErrorRule, HeardLimits, Path, Source, Stream } from '../../model/index.ts'
import { jsonText, revive } from '../../model/json/index.ts'
import { compileCondition, compilePath } from '../../model/mapping/index.ts'
import { heardInAnswer, judgeGraphql } from '../graphql/index.ts'
import { heardLimits } from '../http/index.ts'
import type { HttpResponse, Redactor, Verdict } from '../http/index.ts'
import { judgeOdata } from '../odata/judge.ts'
import { judgeSoap } from '../soap/judge.ts'

/** What the body of an answer says, where it says more than the status. `notice`: what an operator should know of an answer that is taken. */
export interface Judged {
  verdict: Verdict
  notice?: string
}

export interface JudgeContext {
  status: number
  headers: HttpResponse['headers']
  nowMs: number
  redactor: Redactor
}

/** null: the body says nothing beyond the status. `value` is the decoded body, or its text when it could not be decoded; numbers may be marked. */
export type Judge = (value: unknown, context: JudgeContext) => Judged | null

/** Compiles the rules of a stream or action and its source; what the protocol itself says comes last. */
export function createJudge(source: Pick<Source, 'kind' | 'errors' | 'partial'>, own: Pick<Stream, 'errors'> & Partial<Pick<Stream, 'records'>>): Judge {
  const rules = [...own.errors, ...source.errors].map(compileRule)
  const protocol = PROTOCOLS[source.kind](source, own.records ?? null)
  return (value, context) => {
    for (const rule of rules) {
      const found = rule(value, context)
      if (found) return found
    }
    return protocol(value, context)
  }
}

const PROTOCOLS: Record<Source['kind'], (source: Pick<Source, 'partial'>, records: Path | null) => Judge> = {
  rest: () => () => null,
  graphql: judgeGraphql,
  soap: judgeSoap,
  odata: judgeOdata,
  postgres: () => () => null,
  file: () => () => null,
}

/** What an answer says of the account's allowance: in its body where the protocol has a place for that, else in its headers. */
export function heardOf(kind: Source['kind'], value: unknown, headers: HttpResponse['headers'], nowMs: number): HeardLimits | null {
  return (kind === 'graphql' ? heardInAnswer(value, nowMs) : null) ?? heardLimits(headers, nowMs)
}

function compileRule(rule: ErrorRule): Judge {
  const { status, then, in: among, notIn, empty, contains } = rule
  const holds = compileCondition({ path: rule.path, in: among, notIn, empty, contains })
  const conditional = among !== undefined || notIn !== undefined || empty !== undefined || contains !== undefined
  const reasonAt = rule.reason === null ? null : compilePath(rule.reason)
  const waitAt = rule.wait === null ? null : compilePath(rule.wait)
  return (value, context) => {
    if (status.length > 0 && !status.includes(context.status)) return null
    // A body that could not be decoded has no fields: none of them is empty.
    if (typeof value === 'string' && pathKeys(rule.path).length > 0) return null
    if (conditional && !holds(value)) return null
    const told = reasonAt === null ? undefined : revive(reasonAt(value))
    const reason = `HTTP ${context.status}: ${context.redactor.text(told === undefined || told === null ? `the answer fits a rule of \`errors\` (${then})` : jsonText(told)).slice(0, 300)}`
    switch (then) {
      case 'ok':
        return { verdict: { kind: 'ok' } }
      case 'empty':
        return { verdict: { kind: 'empty' } }
      case 'throttled': {
        const seconds = waitAt === null ? NaN : Number(revive(waitAt(value)))
        return { verdict: { kind: 'throttled', untilMs: seconds > 0 ? context.nowMs + Math.min(seconds, 86_400) * 1000 : null, reason } }
      }
      case 'transient':
        return { verdict: { kind: 'transient', reason, last: 'Transient' } }
      case 'authRequired':
      case 'permission':
      case 'refused':
      case 'positionLost':
        return { verdict: { kind: then, reason } }
    }
  }
}
