import { setMaxListeners } from 'node:events'
import { IsthmusError, pathKeys } from '../../model/index.ts'
import type { PageStop, ParentPlan, Path, Position, Stream } from '../../model/index.ts'
import { jsonText, revive, stringifyExact } from '../../model/json/index.ts'
import { compilePath } from '../../model/mapping/index.ts'
import { abortError } from '../http/index.ts'
import { MORE } from './call.ts'
import { emptyBody } from './facts.ts'
import { NO_LAYERS, spend } from './layers.ts'
import type { Spending } from './layers.ts'
import { newMemory } from './memory.ts'
import { giveParent, PARENT } from './parent-fields.ts'
import { readPass } from './pass.ts'
import type { Read } from './read-pages.ts'
import { setIn, type Vars } from './template.ts'
import type { ParentsPage, ReadOptions, ReadResult } from './types.ts'

type ParentPosition = Extract<Position, { kind: 'parent' }>

/**
 * Reads a stream once for each record of its parent stream: a page of parents at a time, several of them at once, handed over in the order of
 * the parents. What is under way when the budget ends is still handed over.
 */
export async function readParents(options: ReadOptions, read: Read): Promise<ReadResult> {
  const { reader } = options
  const { stream } = reader
  const plan = stream.parent!
  const left = spend(options)
  const ofParent = sinceOfParent(stream)
  let at: ParentPosition = options.position?.kind === 'parent' ? options.position : { kind: 'parent', at: null, index: 0, id: '', in: null }
  for (;;) {
    const found = await parentsAt(options, plan, at.at, ofParent ? options.since : null)
    left.count(found.requests)
    if ('stop' in found) return { stop: found.stop, position: at, requests: left.requests }
    const { page } = found
    const index = placeOf(at, plan, page.list)
    const from: ParentPosition = index === at.index ? at : { ...at, index, in: index < at.index && index === 0 ? null : at.in }
    const children = await readChildren({ options: left.rest(), plan, page, from, since: ofParent ? null : options.since, read, left })
    if (children.stop.kind !== 'done') return { ...children, requests: left.requests }
    if (children.position === null) return { stop: { kind: 'done' }, position: null, requests: left.requests }
    at = children.position
    if (!left.may()) return { stop: MORE, position: at, requests: left.requests }
  }
}

interface Children {
  options: ReadOptions
  plan: ParentPlan
  page: ParentsPage
  from: ParentPosition
  since: string | null
  read: Read
  left: Spending
}

/** The children of one page of parents. `done` with a position: go on with the next page of parents. */
async function readChildren({ options, plan, page, from, since, read, left }: Children): Promise<{ stop: PageStop; position: ParentPosition | null }> {
  const { list, next } = page
  const behind: ParentPosition | null = next === null ? null : { kind: 'parent', at: next, index: 0, id: '', in: null }
  if (from.index >= list.length) {
    // Nothing to ask for; the end of the scan is handed over all the same.
    if (behind === null) await options.onPage({ body: emptyBody(options.reader.stream), records: 0, list: [], next: null, last: true, parent: null, mark: null, total: null })
    return { stop: { kind: 'done' }, position: behind }
  }
  const describe = describer(options.reader.stream, plan)
  const idOf = keyOf(plan)
  const place = (i: number, inside: Position | null): ParentPosition | null => (i < list.length ? { kind: 'parent', at: from.at, index: i, id: idOf(list[i]), in: inside } : behind)
  const own = new AbortController()
  // One listener for each child under way.
  setMaxListeners(0, own.signal)
  const onAbort = (): void => own.abort(options.signal.reason)
  if (options.signal.aborted) throw abortError(options.signal)
  options.signal.addEventListener('abort', onAbort, { once: true })

  let here: ParentPosition | null = from
  const queue: { i: number; turn: () => void; result: Promise<ReadResult> }[] = []
  const begin = (i: number): void => {
    let turn = (): void => {}
    const myTurn = new Promise<void>((resolve, reject) => {
      turn = resolve
      own.signal.addEventListener('abort', () => reject(abortError(own.signal)), { once: true })
    })
    myTurn.catch(() => {})
    const { vars, text } = describe(list[i])
    const result = read({
      ...options,
      signal: own.signal,
      // What one learns of page sizes says nothing about the others.
      reader: { ...options.reader, memory: newMemory() },
      since,
      position: i === from.index ? from.in : null,
      vars: { ...options.vars, ...vars },
      onPage: async (p) => {
        await myTurn
        const following = p.last ? place(i + 1, null) : place(i, p.next)
        giveParent(p.list, text, { revive: false })
        await options.onPage({ ...p, parent: text, next: following, last: following === null })
        here = following
      },
    })
    result.catch(() => {})
    queue.push({ i, turn, result })
  }
  try {
    let started = from.index
    for (;;) {
      while (started < list.length && queue.length < plan.concurrency && (started === from.index || left.may(queue.length))) begin(started++)
      const head = queue.shift()
      if (!head) return started < list.length ? { stop: MORE, position: here } : { stop: { kind: 'done' }, position: here }
      head.turn()
      const result = await head.result
      left.count(result.requests)
      if (result.stop.kind !== 'done') return { stop: result.stop, position: here }
    }
  } finally {
    options.signal.removeEventListener('abort', onAbort)
    own.abort()
    await Promise.allSettled(queue.map((q) => q.result))
  }
}

/** A page of parents, from memory when the last call was in it. */
async function parentsAt(options: ReadOptions, plan: ParentPlan, position: Position | null, since: string | null): Promise<({ page: ParentsPage } | { stop: PageStop }) & { requests: number }> {
  const { reader } = options
  const name = JSON.stringify([position, since])
  if (reader.memory.parents?.at === name) return { page: reader.memory.parents, requests: 0 }
  let page: ParentsPage | null = null
  const stream: Stream = { ...plan.stream, ...NO_LAYERS }
  const result = await readPass({
    ...options,
    reader: { ...reader, stream, memory: newMemory() },
    position,
    since,
    inTurn: true,
    budget: { untilMs: Infinity, bytes: Infinity, requests: 1 },
    onPage: async ({ list, next }) => {
      page ??= { at: name, list: revive(list) as unknown[], next }
    },
  })
  if (page === null) return { stop: result.stop, requests: result.requests }
  reader.memory.parents = page
  return { page, requests: result.requests }
}

/** Where a parent stands now: parents may have come or gone in front of it. Its page from the beginning, when it is not there any more. */
function placeOf(at: ParentPosition, plan: ParentPlan, list: unknown[]): number {
  if (at.id === '') return at.index
  const idOf = keyOf(plan)
  if (at.index < list.length && idOf(list[at.index]) === at.id) return at.index
  return Math.max(0, list.findIndex((p) => idOf(p) === at.id))
}

function keyOf({ stream }: ParentPlan): (parent: unknown) => string {
  const key = stream.key.map(compilePath)
  return (parent) => (key.length === 0 ? '' : stringifyExact(key.map((get) => get(parent))).slice(0, 500))
}

/** What requests and records get to know of a parent. */
function describer(stream: Stream, { fields }: ParentPlan): (parent: unknown) => { vars: Vars; text: string } {
  const names = [...new Set([...JSON.stringify({ ...stream, parent: null, nested: [] }).matchAll(/\{parent\.([^{}"]+)\}/g)].map((m) => m[1]!))]
  const asked = names.map((name) => ({ name: `parent.${name}`, get: compilePath(name) }))
  const given = fields.map((path: Path) => ({ path: pathKeys(path).join('.'), get: compilePath(path) }))
  return (parent) => {
    const vars = Object.fromEntries(
      asked.map(({ name, get }) => {
        const value = get(parent)
        if (value === undefined || value === null || value === '') throw new IsthmusError('Contract', `a parent has no ${name.slice(7)}`, { field: 'from.parent', cure: `compare {${name}} with the records of the parent stream` })
        return [name, jsonText(value)]
      }),
    )
    const object = given.reduce<unknown>((all, { path, get }) => setIn(all, path, get(parent) ?? null), {})
    return { vars, text: stringifyExact(object) }
  }
}

/** The lower bound asks the parents for changes when it is a field of theirs. */
function sinceOfParent({ incremental }: Stream): boolean {
  return incremental?.kind === 'field' && pathKeys(incremental.field)[0] === PARENT
}
