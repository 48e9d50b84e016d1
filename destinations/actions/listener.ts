import type { Action } from '../../model/action.ts'
import type { HeardLimits } from '../../model/pacer.ts'
import type { Source } from '../../model/source.ts'
import { createDecoder, jsonOr, toUtf8 } from '../../protocols/formats/index.ts'
import { classify, type HttpResponse, type Verdict } from '../../protocols/http/index.ts'
import { createJudge, heardOf, type Connection } from '../../protocols/rest/index.ts'

/** An answer, and what it says. */
export interface Heard {
  response: HttpResponse
  /** The decoded body; undefined when it is empty or not what the format says. */
  value: unknown
  verdict: Verdict
  /** Who says so: a rule of `errors`, the protocol (GraphQL errors, faults), or the status alone. */
  by: 'rule' | 'protocol' | 'status'
  /** What it says of the account's allowance. */
  limits: HeardLimits | null
}

/** Decodes and judges answers of one kind of request: to the action itself, or to its look-up. */
export type Listen = (response: HttpResponse) => Promise<Heard>

/** Longest text that rules look at in an answer that could not be decoded. */
const MOST_TEXT = 4096

/** `operation`: of a SOAP service; null for other requests. */
export function createListener(source: Source, action: Pick<Action, 'format' | 'errors'>, connection: Connection, operation: string | null): Listen {
  const { redactor } = connection.http
  const { format } = action
  const decode = createDecoder({ format, records: '' })
  const rules = createJudge({ ...source, kind: 'rest' }, action)
  const protocol = createJudge({ ...source, errors: [] }, { errors: [] })

  const valueOf = async ({ body, headers }: HttpResponse): Promise<unknown> => {
    if (body.length === 0) return undefined
    try {
      if (operation !== null) return await connection.soap!.read(operation, toUtf8(body, headers['content-type'], { kind: 'xml', charset: '' }))
      return decode(toUtf8(body, headers['content-type'], format))
    } catch {
      return operation === null && format.kind === 'json' ? undefined : jsonOr(body)
    }
  }

  return async (response) => {
    const nowMs = Date.now()
    const { status, headers } = response
    const value = await valueOf(response)
    const context = { status, headers, nowMs, redactor }
    const limits = heardOf(source.kind, value, headers, nowMs)
    const said = value === undefined ? response.body.toString('utf8', 0, MOST_TEXT) : value
    const ruled = rules(said, context)
    if (ruled) return { response, value, verdict: ruled.verdict, by: 'rule', limits }
    const judged = protocol(said, context)
    if (judged) return { response, value, verdict: judged.verdict, by: 'protocol', limits }
    return { response, value, verdict: classify(response, { nowMs, redactor, expects: null }), by: 'status', limits }
  }
}
