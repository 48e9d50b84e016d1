import type { PageStop, Position } from '../../model/index.ts'
import { DONE, handOver, mayBegin, MORE } from './call.ts'
import type { Call } from './call.ts'
import { createCountedPager } from './counted.ts'
import type { CountedPaging } from './counted.ts'
import { begin } from './slot.ts'
import type { Slot } from './slot.ts'
import { createRepeats } from './repeats.ts'
import { orStop, refused } from './stops.ts'

/**
 * Reads numbered pages ahead, several at once, and hands them over strictly in order. Begins with one page, which tells size
 * and total, then grows fourfold up to the account's concurrency; with `inTurn` it stays one. Pages behind the end are dropped
 * with their errors.
 */
export async function readAhead(call: Call, paging: CountedPaging): Promise<PageStop> {
  const { reader, position, inTurn = false } = call.options
  const { memory } = reader
  const pager = createCountedPager(paging, position, position === null ? null : memory.pageSize)
  // With one request at a time the next one may still run while a page is handed over.
  const most = inTurn ? 1 : Math.max(2, reader.source.concurrency)
  let window = position === null ? 1 : Math.min(memory.window, most)
  const queue: (Slot & { n: number })[] = []
  const dropped: Promise<void>[] = []
  let next = pager.first
  const more = () => {
    queue.push({ n: next, ...begin(call, pager.position(next)) })
    next += pager.stride()
  }
  const dropAll = () => {
    for (const slot of queue.splice(0)) {
      call.begun--
      call.failed = false
      dropped.push(slot.drop())
    }
  }
  /**
   * One page that is missing looks like the end. Taking it for that would leave out all that follows, and delete it at the
   * destination: so the page behind it has to be missing too.
   */
  const lookBeyond = async (n: number): Promise<'nothing' | 'more' | PageStop> => {
    const at = n + pager.stride()
    const waiting = queue[0]?.n === at ? queue.shift()! : { n: at, ...begin(call, pager.position(at)) }
    const page = await waiting.outcome
    if (page.ok) return page.facts.records > 0 ? 'more' : 'nothing'
    if (pager.isEnd(page.status, at)) return 'nothing'
    return page.stop.kind === 'refused' ? 'more' : page.stop
  }
  const repeated = createRepeats(reader.stream.key.length > 0)
  const limit = Math.min(most - 1, reader.source.concurrency)
  try {
    more()
    for (;;) {
      while (queue.length < Math.min(window, limit + 1, reader.source.concurrency) && next < pager.end() && mayBegin(call)) more()
      const slot = queue.shift()!
      const page = await slot.outcome
      if (!page.ok) {
        if (!pager.isEnd(page.status, slot.n)) return page.stop
        const beyond = await lookBeyond(slot.n)
        if (beyond !== 'nothing') return beyond === 'more' ? page.stop : beyond
        await handOver(call, { body: call.read.empty, records: 0, list: [], total: null, mark: null, next: null, last: true })
        return DONE
      }
      call.options.check?.(page.facts)
      const step = orStop(() => pager.judge(page.facts, slot.n))
      if ('stop' in step) return step.stop
      if (!step.last && repeated(page.facts.list)) {
        return refused('Contract', 'the API gives the same page again and again', 'from.page', 'check the name of the parameter, or name `total`, `totalPages` or `hasMore` so that the end is known')
      }
      if (step.last || (queue.length > 0 && queue[0]!.n !== step.next)) dropAll()
      if (!step.last && queue.length === 0) next = step.next
      window = Math.min(window * 4, most)
      // The page being handed over counts among those held.
      while (!step.last && queue.length < Math.min(window - 1, limit) && next < pager.end() && mayBegin(call)) more()
      const following: Position | null = step.last ? null : pager.position(step.next)
      await handOver(call, { body: page.body, records: page.facts.records, list: page.facts.list, total: page.facts.total, mark: page.facts.mark, next: following, last: step.last })
      if (step.last) return DONE
      if (queue.length === 0) {
        if (!mayBegin(call)) return MORE
        more()
      }
    }
  } finally {
    memory.window = window
    memory.pageSize = pager.largest() || null
    dropAll()
    await Promise.all(dropped)
  }
}
