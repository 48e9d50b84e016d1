import { durationMs } from '../../model/index.ts'
import type { PageRead, Position, WindowPlan } from '../../model/index.ts'
import { revive } from '../../model/json/index.ts'
import { compilePath } from '../../model/mapping/index.ts'
import { epochMs, renderBound } from './bound.ts'
import { MORE } from './call.ts'
import { spend } from './layers.ts'
import type { Read } from './read-pages.ts'
import { orStop, refused } from './stops.ts'
import type { ReadOptions, ReadResult } from './types.ts'

type WindowPosition = Extract<Position, { kind: 'window' }>

/** The window holds more than the API gives of one query: nothing of it was handed over. */
class TooMany extends Error {}

/**
 * Reads a scan window by window, oldest first. A window that holds more records than the API gives of one query is halved; one that cannot
 * be halved any more is read in the order of `split`, from the last record on each time the API has given all it gives.
 */
export async function readWindows(options: ReadOptions, read: Read): Promise<ReadResult> {
  const plan = options.reader.stream.window!
  const begin = orStop(() => (options.position?.kind === 'window' ? options.position : firstWindow(plan, options)))
  if ('stop' in begin) return { stop: begin.stop, position: null, requests: 0 }
  const left = spend(options)
  let at: WindowPosition = begin
  do {
    const one = await readOne(at, plan, left.rest(), read)
    left.count(one.requests)
    if (one.next === null || one.stop.kind !== 'done') return { stop: one.stop, position: one.next, requests: left.requests }
    at = one.next
  } while (left.may())
  return { stop: MORE, position: at, requests: left.requests }
}

/** One window, or what is left of it. `next` is where to go on; null at the end of the scan. */
async function readOne(at: WindowPosition, plan: WindowPlan, options: ReadOptions, read: Read): Promise<Omit<ReadResult, 'position'> & { next: WindowPosition | null }> {
  const { cap } = plan
  const splitAt = plan.split === null ? null : compilePath(plan.split)
  const smallest = Date.parse(at.to) - Date.parse(at.from) <= durationMs(plan.minimum)
  let here: WindowPosition | null = at
  let seen = 0
  let last = at.last
  const check = ({ total }: { total: number | null }): void => {
    if (cap !== null && at.at === null && seen === 0 && total !== null && total > cap && !smallest) throw new TooMany()
  }
  const onPage = async (page: PageRead): Promise<void> => {
    seen += page.records
    const end: unknown = page.list.at(-1)
    if (splitAt && end !== undefined) last = String(revive(splitAt(end)))
    // It has given all it gives: there may be more behind the last record.
    const more = page.last && splitAt !== null && cap !== null && last !== null && last !== at.after && (seen >= cap || (page.total ?? 0) > cap)
    const next: WindowPosition | null = more ? { ...at, after: last, last, at: null } : page.last ? behind(at, plan) : { ...at, last, at: page.next }
    await options.onPage({ ...page, next, last: next === null })
    here = next
  }
  try {
    const vars = { ...options.vars, from: renderBound(at.from, plan.format), to: renderBound(at.to, plan.format), after: at.after ?? (plan.splitFrom || undefined) }
    const { stop, requests } = await read({ ...options, position: at.at, vars, check, onPage })
    // Refused behind the last record that it gives.
    const capped = stop.kind === 'refused' && stop.type === 'Contract' && cap !== null && here !== null && (seen > 0 || at.at !== null)
    if (!capped) return { stop, requests, next: here }
    if (splitAt === null || last === null || last === at.after) {
      return { stop: refused('Contract', `${stop.reason}; the window from ${at.from} to ${at.to} may hold more than the ${cap} records that one query gives`, 'from.window', 'name `total`, so that windows are halved in time, and `split` for those that cannot be halved'), requests, next: here }
    }
    return { stop: { kind: 'done' }, requests, next: { ...at, after: last, last, at: null } }
  } catch (error) {
    if (!(error instanceof TooMany)) throw error
    return { stop: { kind: 'done' }, requests: 1, next: halved(at, plan) }
  }
}

/** The window in which a scan begins: at its lower bound, or at `start`. */
function firstWindow(plan: WindowPlan, { since, until: end, now = Date.now }: ReadOptions): WindowPosition {
  const start = epochMs(since ?? plan.start)
  const until = Math.min(now() - (plan.lag === '' ? 0 : durationMs(plan.lag)), end === undefined ? Infinity : epochMs(end))
  renderBound(since ?? plan.start, 'iso')
  return windowFrom(Math.min(start, until), Math.max(until, start + 1), plan)
}

function windowFrom(from: number, until: number, plan: WindowPlan, size = durationMs(plan.size)): WindowPosition {
  return { kind: 'window', from: iso(from), to: iso(Math.min(from + size, until)), until: iso(until), after: null, last: null, at: null }
}

/** The next window: where records are dense it is short as the one before, and grows again. */
function behind({ from, to, until }: WindowPosition, plan: WindowPlan): WindowPosition | null {
  const end = Date.parse(to)
  return end >= Date.parse(until) ? null : windowFrom(end, Date.parse(until), plan, Math.min(durationMs(plan.size), 2 * (end - Date.parse(from))))
}

function halved({ from, to, until }: WindowPosition, plan: WindowPlan): WindowPosition {
  const smallest = durationMs(plan.minimum)
  // Whole multiples of the shortest window: APIs that know seconds only must not see a record twice or never.
  const half = Math.max(smallest, Math.floor((Date.parse(to) - Date.parse(from)) / 2 / smallest) * smallest)
  return windowFrom(Date.parse(from), Date.parse(until), plan, half)
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
