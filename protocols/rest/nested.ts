import { IsthmusError, pathKeys } from '../../model/index.ts'
import type { NestedPlan, PageRead, PageStop, Path, Stream } from '../../model/index.ts'
import { jsonText, parseExact, revive, stringifyExact } from '../../model/json/index.ts'
import { compilePath, selectRecords } from '../../model/mapping/index.ts'
import { NO_LAYERS } from './layers.ts'
import { readPass } from './pass.ts'
import type { Read } from './read-pages.ts'
import { merged } from './requests.ts'
import { stopOf } from './stops.ts'
import { setIn } from './template.ts'
import { newMemory } from './memory.ts'
import type { ReadOptions, ReadResult } from './types.ts'

/** Objects of a page whose lists are completed at once; the account's limits hold all the same. */
const AT_ONCE = 4

/**
 * Reads a stream whose records hold lists that the API may have cut. The rest of such a list is read before the page is handed over, so that only
 * complete records are staged; a scan goes on in front of a page whose rest could not be read.
 */
export async function readNested(options: ReadOptions, read: Read): Promise<ReadResult> {
  const { reader, onPage, onRequest } = options
  const plans = reader.stream.nested.map((plan) => compile(plan, reader.stream))
  let requests = 0
  let position = options.position
  try {
    return await read({
      ...options,
      onRequest: (info) => {
        requests++
        onRequest?.(info)
      },
      onPage: async (page) => {
        await onPage(await complete(page, plans, options, (more) => (requests += more)))
        position = page.next
      },
    }).then((result) => ({ ...result, requests: Math.max(result.requests, requests) }))
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    return { stop: error.stop, position, requests }
  }
}

/** Carries a stop out of a page that is being handed over. */
class Interrupted extends Error {
  readonly stop: PageStop
  constructor(stop: PageStop) {
    super('reading the rest of a list was interrupted')
    this.stop = stop
  }
}

interface Nested {
  plan: NestedPlan
  name: string
  /** The objects of records whose list was cut. */
  cut(records: readonly unknown[]): Record<string, unknown>[]
  list: ReturnType<typeof compilePath>
  next: ReturnType<typeof compilePath>
  id: ReturnType<typeof compilePath>
  /** Reads the rest of one list; null when the plan does not say how. */
  rest: Stream | null
}

function compile(plan: NestedPlan, stream: Stream): Nested {
  const owner = pathKeys(plan.owner).filter((key) => key !== '*')
  const hasMore = compilePath(plan.hasMore)
  return {
    plan,
    name: [...pathKeys(plan.owner), ...pathKeys(plan.list)].filter((k) => k !== '*').join('.'),
    cut: (records) =>
      ownersIn(records, owner).filter((o) => isTrue(hasMore(o))),
    list: compilePath(plan.list),
    next: compilePath(plan.next),
    id: compilePath(plan.id),
    rest: plan.request && restOf(plan, stream),
  }
}

/** The objects at a path, through every list on the way. */
function ownersIn(value: unknown, keys: readonly string[]): Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap((v: unknown) => ownersIn(v, keys))
  if (value === null || typeof value !== 'object') return []
  const [first, ...rest] = keys
  return first === undefined ? [value as Record<string, unknown>] : ownersIn((value as Record<string, unknown>)[first], rest)
}

/** The stream of the rest of one list: its pages are those behind `{cursor}`. */
function restOf({ request, at, list, hasMore, next }: NestedPlan, stream: Stream): Stream {
  const below = (path: Path): Path => [...pathKeys(at), ...pathKeys(path)]
  return {
    ...stream,
    ...(merged(stream, request!) as Pick<Stream, 'path' | 'method' | 'query' | 'headers' | 'body' | 'graphql'>),
    soap: request!.soap,
    records: below(list),
    page: { kind: 'cursor', send: '', next: below(next), from: 'body', hasMore: below(hasMore), in: 'body', size: null, sizeParam: '' },
    key: [], more: null, incremental: null, ...NO_LAYERS,
  }
}

const isTrue = (value: unknown): boolean => value === true || value === 'true' || value === 1

/** The page with complete lists: the same one when none was cut. */
async function complete(page: PageRead, plans: Nested[], options: ReadOptions, count: (requests: number) => void): Promise<PageRead> {
  if (plans.every((plan) => plan.cut(page.list).length === 0)) return page
  const { stream, source } = options.reader
  const value = parseExact(page.body)
  const records = selectRecords(value, stream.records) ?? []
  let bytes = page.body.length
  for (const plan of plans) {
    const cut = plan.cut(records)
    const work = cut.values()
    const one = async (): Promise<void> => {
      for (const owner of work) {
        await readRest(owner, plan, options, count, (more) => {
          bytes += more
          if (bytes > source.maxPageBytes) stop('PageTooLarge', `a page with all that its \`${plan.name}\` hold is larger than ${source.maxPageBytes} bytes`, 'from.maxPageBytes', `ask for fewer records a page, or read \`${plan.name}\` as a stream of its own (\`of\`)`)
        })
      }
    }
    // All are waited for, so that nothing is under way when one of them stops.
    const ended = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, source.concurrency, cut.length) }, one))
    const failed = ended.find((e) => e.status === 'rejected')
    if (failed) throw failed.reason
  }
  const body = Buffer.from(stringifyExact(value))
  return { ...page, body, list: selectRecords(parseExact(body, { revive: false }), stream.records) ?? [] }
}

/** Reads the rest of one list and puts it behind its first part. */
async function readRest(owner: Record<string, unknown>, { plan, name, list, next, id, rest }: Nested, options: ReadOptions, count: (requests: number) => void, grown: (bytes: number) => void): Promise<void> {
  if (rest === null) {
    stop('Contract', `the API cut the list \`${name}\` of a record: there is more of it than was asked for`, 'from.nested', `read \`${name}\` with .connection(..., { of: ... }) as a stream of its own, or let the query be written for you with \`on\`, the type of the object that holds it; a higher \`first\` only helps up to the API's limit`)
  }
  const into = list(owner)
  const cursor = next(owner)
  const key = id(owner)
  if (!Array.isArray(into) || typeof cursor !== 'string' || cursor === '') stop('Contract', `the API says that there is more of \`${name}\`, but gives no ${Array.isArray(into) ? 'cursor' : 'list'}`, 'from.nested', 'compare the plan with the answers of the API')
  if (key === undefined || key === null || key === '') stop('Contract', `an object whose \`${name}\` was cut has no ${pathKeys(plan.id).join('.')}`, 'from.nested', 'select its id, by which the rest is asked for')
  const result = await readPass({
    ...options,
    reader: { ...options.reader, stream: rest, memory: newMemory() },
    position: { kind: 'cursor', cursor },
    since: null,
    vars: { ...options.vars, 'parent.id': jsonText(key) },
    inTurn: true,
    budget: { untilMs: Infinity, bytes: Infinity, requests: Infinity },
    onPage: async (page) => {
      grown(page.body.length)
      into.push(...(revive(page.list) as unknown[]))
    },
  })
  count(result.requests)
  if (result.stop.kind !== 'done') throw new Interrupted(result.stop.kind === 'positionLost' ? { kind: 'interrupted', type: 'Transient', reason: result.stop.reason, untilMs: 0 } : result.stop)
  Object.assign(owner, setIn(owner, pathKeys(plan.hasMore).join('.'), false))
}

function stop(type: 'Contract' | 'PageTooLarge', message: string, field: string, cure: string): never {
  throw new Interrupted(stopOf(new IsthmusError(type, message, { field, cure })))
}
