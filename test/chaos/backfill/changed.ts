import type { StreamReceipt } from '../../../model/run.ts'
import { stepsOf } from '../../../workflows/steps.ts'
import { stream as inOrder } from '../../../workflows/stream.ts'
import type { StreamInput } from '../../../workflows/types.ts'

export { backfill } from '../../../workflows/backfill.ts'
export { connection } from '../../../workflows/connection.ts'
export { sync } from '../../../workflows/sync.ts'
export * from '../../../workflows/messages.ts'

/** A release with its first steps in another order: a window that began with the real one could not go on with it. */
export async function stream(input: StreamInput): Promise<StreamReceipt> {
  const { sync, run, plan, stream: name, range } = input
  await stepsOf(input).remote.authenticate({ sync, run, plan, stream: name, round: 0, seen: -1, ...(range && { range }) })
  return inOrder(input)
}
