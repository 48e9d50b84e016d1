import { pathKeys } from '../../model/index.ts'
import type { Path } from '../../model/index.ts'

/**
 * The answer to another operation of a stream (`queryMoreResponse`, `searchMoreWithIdResponse`) under the name that the first one's has in `records`,
 * so that the stream's paths hold for all its pages.
 */
export function asFirstAnswer(value: unknown, records: Path): unknown {
  const [root] = pathKeys(records)
  const entries = Object.entries(value as Record<string, unknown>)
  const [first] = entries
  return root === undefined || root === '*' || !first || first[0] === 'Fault' || entries.length > 1 ? value : { [root]: first[1] }
}
