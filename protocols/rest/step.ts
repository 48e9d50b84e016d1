import { IsthmusError } from '../../model/index.ts'
import type { Position } from '../../model/index.ts'

/** What follows a page. */
export type Step<P = Position> = { last: true } | { last: false; next: P }
export const LAST = { last: true } as const

/** Longest position as JSON: it travels through the workflow's history. */
const MAX_POSITION = 4000

export function go(next: Position): Step {
  if (JSON.stringify(next).length > MAX_POSITION) {
    throw new IsthmusError('Contract', `the next ${next.kind} is longer than ${MAX_POSITION} characters`, { field: 'from.page', cure: 'use another paging style for this API' })
  }
  return { last: false, next }
}
