import { IsthmusError } from '../../model/index.ts'
import type { Position, Stream } from '../../model/index.ts'
import type { Requests } from './requests.ts'
import type { Facts } from './facts.ts'
import { go, LAST } from './step.ts'
import type { Step } from './step.ts'
import { createTrail } from './trail.ts'

/** Paging where only a page tells where the next one is: cursor, link, nextUrl; and streams of one page. */
export type LinkedPager = (facts: Facts, url: string) => Step

/** Throws Contract when the way on is missing, broken, or leads where the scan has been: never a silent end. */
export function createLinkedPager(stream: Stream, requests: Requests, from: Position | null): LinkedPager {
  const { page } = stream
  const trail = createTrail()
  if (page.kind === 'cursor') {
    if (from?.kind === 'cursor') trail.add(from.cursor)
    return (facts) => {
      if (facts.hasMore === false) return LAST
      if (facts.next === null) {
        const lastRecord = page.from === 'lastRecord'
        if (facts.hasMore === true || (lastRecord && facts.records > 0)) {
          throw broken(lastRecord && facts.records > 0 ? 'the last record holds no cursor' : 'the answer says that there is more, but holds no cursor')
        }
        return LAST
      }
      if (!trail.add(facts.next)) throw repeated('cursor')
      return go({ kind: 'cursor', cursor: facts.next })
    }
  }
  if (page.kind === 'link' || page.kind === 'nextUrl') {
    trail.add(requests.store(requests.url(from)))
    return (facts, url) => {
      if (facts.next === null) return LAST
      let next: string
      try {
        next = requests.store(new URL(facts.next, url))
      } catch {
        throw broken('the next address is not an address')
      }
      if (!trail.add(next)) throw repeated('address')
      return go({ kind: 'url', url: next })
    }
  }
  if (page.kind === 'search') {
    // Only the first answer has to name the search.
    let id = from?.kind === 'search' ? from.id : null
    let number = from?.kind === 'search' ? from.page : page.start
    return (facts) => {
      id = facts.next ?? id
      if (facts.hasMore === false || (facts.hasMore === null && facts.totalPages !== null && number - page.start + 1 >= facts.totalPages)) return LAST
      if (facts.records === 0 && facts.hasMore !== true) {
        if (facts.totalPages !== null) throw broken(`page ${number} of ${facts.totalPages} is empty`)
        return LAST
      }
      if (id === null) throw broken('the answer does not name the search, so that its next page cannot be asked for')
      number += 1
      return go({ kind: 'search', id, page: number })
    }
  }
  if (page.kind === 'range') return (facts) => (facts.range === null ? LAST : go(facts.range))
  return () => LAST
}

function broken(message: string): IsthmusError {
  return new IsthmusError('Contract', message, { field: 'from.page.next', cure: 'compare `page` with the answers of the API' })
}

function repeated(what: string): IsthmusError {
  return new IsthmusError('Contract', `the API gave the same next ${what} twice, so the scan would never end`, {
    field: 'from.page',
    cure: 'check what `next` points at, and that the API understands the parameter it is sent in',
  })
}
