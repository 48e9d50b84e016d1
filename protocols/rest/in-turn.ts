import type { PageStop } from '../../model/index.ts'
import { DONE, handOver, mayBegin, MORE } from './call.ts'
import type { Call } from './call.ts'
import { createLinkedPager } from './linked.ts'
import { begin } from './slot.ts'
import type { Slot } from './slot.ts'
import { orStop } from './stops.ts'

/**
 * Reads pages one after the other; the next request is under way while a page is handed over. At most one page ahead,
 * none with `inTurn`.
 */
export async function readInTurn(call: Call): Promise<PageStop> {
  const { reader, position, inTurn = false } = call.options
  const judge = createLinkedPager(reader.stream, call.build, position)
  let slot: Slot = begin(call, position)
  let ahead: Slot | null = null
  try {
    for (;;) {
      const cursor = await slot.hint
      ahead = !inTurn && cursor !== null && mayBegin(call) ? begin(call, { kind: 'cursor', cursor }) : null
      const page = await slot.outcome
      if (!page.ok) return page.stop
      call.options.check?.(page.facts)
      const step = orStop(() => judge(page.facts, page.url))
      if ('stop' in step) return step.stop
      if (ahead !== null && (step.last || step.next.kind !== 'cursor' || step.next.cursor !== cursor)) {
        await ahead.drop()
        ahead = null
      }
      if (!inTurn && !step.last && mayBegin(call)) ahead ??= begin(call, step.next)
      await handOver(call, { body: page.body, records: page.facts.records, list: page.facts.list, total: page.facts.total, mark: page.facts.mark, next: step.last ? null : step.next, last: step.last })
      if (step.last) return DONE
      if (inTurn && mayBegin(call)) ahead = begin(call, step.next)
      if (ahead === null) return MORE
      slot = ahead
    }
  } finally {
    await ahead?.drop()
  }
}
