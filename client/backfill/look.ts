import { inRange, open, pacerOf, type OpenStream } from '../../activities/context.ts'
import { insideOf } from '../../activities/range.ts'
import { signIn } from '../../activities/sign-in.ts'
import { postgresDestination } from '../../destinations/postgres/index.ts'
import type { BackfillSpec, WindowRange } from '../../model/backfill.ts'
import { durationMs } from '../../model/duration.ts'
import { at, IsthmusError } from '../../model/errors.ts'
import { revive } from '../../model/json/index.ts'
import { compilePath } from '../../model/mapping/index.ts'
import type { TokenOwner } from '../../model/owner.ts'
import type { PageRead, RowDestination, Store } from '../../model/ports.ts'
import { fieldIncrementOf } from '../../model/source.ts'
import type { Environment, LoadedSync } from '../../project/index.ts'
import { refuse, tryMapping } from '../preflight.ts'
import { DAY_MS, windowCount } from './spec.ts'

export interface LookOptions {
  id: string
  environment: Environment
  store: Store
  databaseUrl: string
  owner: TokenOwner | null
  projectDir: string
  signal?: AbortSignal | undefined
}

/** What a few windows of a stream hold. */
export interface Sample {
  stream: string
  windows: { records: number; calls: number; whole: boolean }[]
  /** Of one request. */
  ms: number
}

/** Where in the range a look is taken. */
const PLACES = [0.15, 0.5, 0.85]
/** Requests of one look. */
const MAX_CALLS = 4
const LOOK_MS = 20_000
/** Records that say something about whether the bounds are kept. */
const ENOUGH = 20

/**
 * Looks into a few windows of each stream before a backfill begins: destination, credentials, mapping, whether the bounds are kept, and how much there is.
 * Writes nothing. Throws the IsthmusError that the windows would end with.
 */
export async function look(sync: LoadedSync, spec: BackfillSpec, options: LookOptions): Promise<Sample[]> {
  const destinations = new Map<string, RowDestination>()
  const destination = (url: string): RowDestination => {
    const known = destinations.get(url) ?? postgresDestination(url)
    destinations.set(url, known)
    return known
  }
  const { databaseUrl, store, owner, projectDir } = options
  const actions = (): never => {
    throw new IsthmusError('InvalidInput', 'a backfill goes into tables', { field: 'to' })
  }
  const opened: OpenStream[] = []
  const samples: Sample[] = []
  try {
    for (const stream of sync.plan.streams) {
      try {
        const one = await open({ destination, databaseUrl, store, owner, projectDir, actions }, sync.plan, stream, options.environment, { target: { sync: sync.plan.id, run: options.id, plan: sync.plan.hash, stream: stream.name, round: 0 } })
        opened.push(one)
        await one.destination.check(one.stream)
        samples.push(await sample(sync, one, spec, options))
      } catch (error) {
        throw error instanceof IsthmusError ? at(error, { file: sync.plan.file, field: '' }) : error
      }
    }
    return samples
  } finally {
    await Promise.all([...opened.map((o) => o.close()), ...[...destinations.values()].map((d) => d.close())])
  }
}

async function sample(sync: LoadedSync, one: OpenStream, spec: BackfillSpec, options: LookOptions): Promise<Sample> {
  const found: Sample = { stream: one.stream.name, windows: [], ms: 0 }
  // A report would be prepared for each look.
  if (one.stream.stream.job) return found
  const count = windowCount(spec)
  const places = [...new Set(PLACES.map((p) => Math.min(count - 1, Math.floor(p * count))))]
  let ms = 0
  let calls = 0
  for (const i of places) {
    const from = Date.parse(spec.from) + i * spec.windowMs
    const range: WindowRange = { of: options.id, from: new Date(from).toISOString(), to: new Date(Math.min(from + spec.windowMs, Date.parse(spec.to))).toISOString(), take: 0 }
    const began = performance.now()
    const read = await readWindow(one, range, options)
    ms += performance.now() - began
    calls += read.calls
    const [first] = read.pages
    if (first) {
      checkBounds(one, range, first.list)
      if (found.windows.length === 0 && first.records > 0) await tryMapping(sync, one, first)
    }
    const seen = read.pages.reduce((sum, p) => sum + p.records, 0)
    const total = first?.total ?? null
    const mean = read.pages.length > 0 ? seen / read.pages.length : 0
    found.windows.push(read.whole || total === null ? { records: seen, calls: read.calls, whole: read.whole } : { records: total, calls: mean > 0 ? Math.ceil(total / mean) : 1, whole: true })
  }
  found.ms = calls > 0 ? ms / calls : 0
  return found
}

async function readWindow(whole: OpenStream, range: WindowRange, { store, owner, id, signal: given }: LookOptions): Promise<{ pages: PageRead[]; calls: number; whole: boolean }> {
  const one = inRange(whole, range)
  const timeout = AbortSignal.timeout(LOOK_MS * 3)
  const signal = given ? AbortSignal.any([timeout, given]) : timeout
  const pages: PageRead[] = []
  let calls = 0
  // A stored token may have been revoked: one more sign-in tells a stale token from wrong credentials.
  for (let seen = -1, attempt = 1; ; attempt += 1) {
    if (one.reader.auth.needsToken) seen = (await signIn(store, one, seen, { run: id, stream: one.stream.name }, signal, owner)).token.version
    const read = await one.reader.read({
      position: null, since: fieldIncrementOf(one.stream.stream)?.start || null, until: range.to, inTurn: true,
      budget: { untilMs: Date.now() + LOOK_MS, bytes: 32 * 1024 * 1024, requests: MAX_CALLS },
      token: () => store.getToken(one.tokenKey),
      pacer: pacerOf(store, one, `${id}/${one.stream.name}`, 'interactive'),
      signal,
      onPage: async (page) => void pages.push(page),
    })
    calls += read.requests
    if (read.stop.kind === 'authRequired' && attempt === 1) continue
    refuse(read.stop)
    return { pages, calls, whole: read.stop.kind === 'done' }
  }
}

/** An API that does not know the bounds gives everything to each window, and a field that holds no times has no windows. */
function checkBounds({ stream }: OpenStream, range: WindowRange, list: unknown[]): void {
  const incremental = fieldIncrementOf(stream.stream)!
  const get = compilePath(incremental.field)
  const marks = list.map((record) => revive(get(record))).filter((m) => m !== undefined && m !== null && m !== '').map(String)
  if (marks.length > 0 && incremental.format === 'same' && marks.every((m) => /^\d+(\.\d+)?$/.test(m))) {
    throw new IsthmusError('InvalidInput', `the field ${JSON.stringify(incremental.field)} of "${stream.name}" holds numbers such as ${marks[0]!.slice(0, 30)}`, { field: 'from.incremental.format', cure: "say how a time is written: format: 'epoch' (seconds) or 'epochMs'; growing numbers that are no times have no windows" })
  }
  // Bounds may be written in whole days.
  const margin = (incremental.overlap === '' ? 0 : durationMs(incremental.overlap)) + (incremental.format === 'date' ? DAY_MS : 1_000)
  const inside = marks.filter(insideOf({ ...range, from: new Date(Date.parse(range.from) - margin).toISOString() })).length
  if (marks.length >= ENOUGH && inside < marks.length / 2) {
    throw new IsthmusError('InvalidInput', `asked for ${range.from} up to ${range.to}, the API gave ${marks.length - inside} of ${marks.length} records of "${stream.name}" from outside, for example ${marks.find((m) => !insideOf(range)(m))?.slice(0, 40)}`, { field: 'from.incremental.until', cure: 'correct the names of `send` and `until`; each window would read everything' })
  }
}
