import { IsthmusError } from '../../model/index.ts'
import type { Paging, Position } from '../../model/index.ts'
import type { Facts } from './facts.ts'
import { LAST } from './step.ts'
import type { Step } from './step.ts'

export type CountedPaging = Extract<Paging, { kind: 'page' | 'offset' }>

/** Paging where the place of any page can be calculated, so that pages can be read ahead. */
export interface CountedPager {
  /** Page number or offset to begin at. */
  readonly first: number
  /** Largest page seen; 0 when none was. */
  largest(): number
  /** From one page to the next: 1, or the true page size for offsets. */
  stride(): number
  /** First page number or offset that surely holds nothing, as far as it is known. */
  end(): number
  position(n: number): Position
  /** What follows the page at `n`; pages come in order. Throws Contract when the answer contradicts itself. */
  judge(facts: Facts, n: number): Step<number>
  /** A refusal at `n` only says that there are no pages any more. */
  isEnd(status: number, n: number): boolean
}

/**
 * The end is what the API says (hasMore, total, totalPages), else an empty page. A page shorter than asked for is NOT taken for
 * the end: servers cap the size or leave out records the caller may not see. That costs one request a scan and loses nothing.
 */
export function createCountedPager(paging: CountedPaging, from: Position | null, learnt: number | null): CountedPager {
  const start = paging.kind === 'page' ? paging.start : 0
  const first = from?.kind === 'page' ? from.page : from?.kind === 'offset' ? from.offset : start
  const fromStart = first === start
  let size = paging.kind === 'page' ? 0 : (learnt ?? paging.size)
  // Largest page seen. Gone on from the middle, an earlier call may have learnt more than the last pages tell.
  let most = learnt ?? 0
  let count = 0
  let pages = 0
  let last = -1
  let end = Infinity
  let announced = false

  /** Records up to and including this page: exact, or surely not too many. */
  const upTo = (n: number, records: number): number => {
    if (paging.kind === 'offset') return n + records
    return fromStart ? count : (n - start) * most + records
  }
  /** An empty page before the announced total is a contradiction, where the count is certain. */
  const contradicts = (total: number, n: number): boolean =>
    paging.kind === 'offset' ? n < total : fromStart ? count < total : paging.size !== null && (n - start) * paging.size < total

  return {
    first,
    largest: () => most,
    stride: () => (paging.kind === 'page' ? 1 : size),
    end: () => end,
    position: (n) => (paging.kind === 'page' ? { kind: 'page', page: n } : { kind: 'offset', offset: n }),
    judge(facts, n) {
      const { records, hasMore, total, totalPages } = facts
      pages++
      count += records
      most = Math.max(most, records)
      last = records
      announced = hasMore === true || (hasMore === null && (total !== null || totalPages !== null))
      if (paging.kind === 'offset' && records > 0) size = most
      if (hasMore === false) return LAST
      if (hasMore === null) {
        if (total !== null && upTo(n, records) >= total) return LAST
        if (totalPages !== null && (paging.kind === 'page' ? n - start + 1 : fromStart ? pages : 0) >= totalPages) return LAST
      }
      if (records === 0) {
        if (hasMore === true && paging.kind === 'page') return { last: false, next: n + 1 }
        if (hasMore === true) throw contradiction('says that there is more, but is empty', 'hasMore')
        if (total !== null && contradicts(total, n)) throw contradiction(`says that there are ${total} records, but is empty after ${upTo(n, 0)}`, 'total')
        return LAST
      }
      end = Infinity
      if (totalPages !== null && paging.kind === 'page') end = start + totalPages
      else if (total !== null) end = paging.kind === 'offset' ? total : start + Math.ceil(total / most)
      return { last: false, next: paging.kind === 'page' ? n + 1 : n + records }
    },
    isEnd(status, n) {
      // The page before said that this one exists.
      if (n === start || announced) return false
      // Behind a short page more refusals mean the end than behind a full one.
      const short = last >= 0 && last < (paging.size ?? most)
      return status === 404 || status === 416 || (short && (status === 400 || status === 410 || status === 422))
    },
  }
}

function contradiction(what: string, field: string): IsthmusError {
  return new IsthmusError('Contract', `the page ${what}`, { field: `from.page.${field}`, cure: `compare \`page.${field}\` with the API, or leave it out if it is not exact` })
}
