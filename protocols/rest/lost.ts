import type { Position } from '../../model/index.ts'

/** What APIs say of a cursor they no longer know (Salesforce INVALID_QUERY_LOCATOR, Plaid, Elasticsearch scrolls and others). */
const WORDS = /cursor|scroll|locator|continuation|(?:page|next|sync).?token|expired|no longer valid/i

/** The answer says that the cursor or next address itself is refused, and not the request as a whole. */
export function isPositionLost(position: Position | null, status: number, reason: string): boolean {
  if (position?.kind !== 'cursor' && position?.kind !== 'url' && position?.kind !== 'search') return false
  return status === 410 || ([200, 400, 404, 409, 422].includes(status) && WORDS.test(reason))
}
