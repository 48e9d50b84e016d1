import { randomUUID } from 'node:crypto'
import { open, pacerOf, type OpenStream } from '../activities/context.ts'
import { recordsOf, rowMapper } from '../activities/map.ts'
import { signIn } from '../activities/sign-in.ts'
import { openActions, type Actions } from '../destinations/actions/index.ts'
import { postgresDestination } from '../destinations/postgres/index.ts'
import { rowValues } from '../destinations/postgres/lines.ts'
import { at, IsthmusError } from '../model/errors.ts'
import type { Plan, StreamPlan } from '../model/plan.ts'
import { fieldIncrementOf } from '../model/source.ts'
import type { TokenOwner } from '../model/owner.ts'
import type { PageRead, Store } from '../model/ports.ts'
import type { PageStop } from '../model/run.ts'
import type { LoadedSync } from '../project/index.ts'

/** The first page of a stream, mapped. */
export interface Peek {
  stream: string
  /** Records on the page. */
  records: number
  columns: string[]
  /** As they would be written, values as text. At most `limit`. */
  rows: Record<string, string | null>[]
  /** Records that the map function leaves out. */
  filtered: number
  /** At most `limit`. */
  rejected: { reason: string; field: string }[]
  /** There are further pages. */
  more: boolean
  /** From asking to the mapped page, ms. */
  ms: number
}

const LOOK_MS = 20_000

interface PeekOptions {
  store: Store
  environment: Record<string, string>
  databaseUrl: string
  /** The plan with all streams, which its hash stands for. */
  whole: Plan
  /** Who refreshes tokens. */
  owner: TokenOwner
  projectDir: string
  limit: number
}

/**
 * Reads and maps the first page of each stream, before all bulk work of its account. Starts nothing, writes nothing, moves no checkpoint.
 * Throws what stands in the way: AuthFailed, Contract, Unreachable, RateLimited (with `until`), ...
 */
export async function peek(sync: LoadedSync, { store, environment, databaseUrl, whole, owner: asked, projectDir, limit }: PeekOptions): Promise<Peek[]> {
  const found: Peek[] = []
  const run = `peek-${randomUUID()}`
  const { id, hash } = sync.plan
  let left = false
  // Whoever refreshes the token finds plan and credentials in the store; most looks need none.
  const owner: TokenOwner = {
    async ensureFresh(connection, request, signal) {
      left = true
      await store.savePlan(whole)
      await store.saveSettings(`run/${run}`, environment)
      return asked.ensureFresh(connection, request, signal)
    },
  }
  try {
    for (const [i, stream] of sync.plan.streams.entries()) found.push(await peekStream(i, stream))
    return found
  } finally {
    if (left) await store.saveSettings(`run/${run}`, {})
  }

  async function peekStream(i: number, stream: StreamPlan): Promise<Peek> {
    const destination = postgresDestination(databaseUrl)
    let actions: Actions | null = null
    try {
      const one = await open({ destination: () => destination, databaseUrl, store, owner, projectDir, actions: () => (actions ??= openActions(databaseUrl)) }, sync.plan, stream, environment, { target: { sync: id, run, plan: hash, stream: stream.name, round: 0 } })
      try {
        const flow = sync.definition.flows.find((f) => f.from.stream.name === stream.name) ?? sync.definition.flows[i]
        return await look(one, rowMapper(stream, flow), { store, owner, limit, run })
      } finally {
        await one.close()
      }
    } catch (error) {
      throw error instanceof IsthmusError ? at(error, { file: sync.plan.file, field: '' }) : error
    } finally {
      await destination.close()
      await closeActions(actions)
    }
  }
}

function closeActions(actions: Actions | null): Promise<void> | undefined {
  return actions?.close()
}

async function look(one: OpenStream, mapper: ReturnType<typeof rowMapper>, { store, owner, limit, run }: { store: Store; owner: TokenOwner; limit: number; run: string }): Promise<Peek> {
  const began = performance.now()
  const signal = AbortSignal.timeout(LOOK_MS * 3)
  const pacer = pacerOf(store, one, `peek/${run}`, 'interactive')
  for (let seen = -1, attempt = 1; ; attempt += 1) {
    if (one.reader.auth.needsToken) seen = (await signIn(store, one, seen, { run, stream: one.stream.name }, signal, owner)).token.version
    let page: Pick<PageRead, 'body' | 'last' | 'parent'> | null = null
    const read = await one.reader.read({
      position: null, since: fieldIncrementOf(one.stream.stream)?.start || null,
      budget: { untilMs: Date.now() + LOOK_MS, bytes: Infinity, requests: 1 },
      token: () => store.getToken(one.tokenKey), pacer, signal,
      onPage: async (p) => {
        page = { body: p.body, last: p.last, parent: p.parent }
      },
    })
    if (page !== null) return { ...mapped(one, mapper, page, limit), ms: Math.round(performance.now() - began) }
    if (read.stop.kind !== 'authRequired' || attempt > 1) throw stopError(read.stop)
  }
}

function mapped({ stream }: OpenStream, mapper: ReturnType<typeof rowMapper>, page: Pick<PageRead, 'body' | 'last' | 'parent'>, limit: number): Omit<Peek, 'ms'> {
  const columns = stream.columns.map((c) => c.name)
  const records = recordsOf(stream, page, mapper)
  const result = { stream: stream.name, records: records.length, columns, rows: [] as Peek['rows'], filtered: 0, rejected: [] as Peek['rejected'], more: !page.last }
  for (const record of records) {
    const out = { text: '' }
    const verdict = mapper.map(record, out)
    if (verdict === 'filtered') result.filtered += 1
    else if (verdict !== null && result.rejected.length < limit) result.rejected.push(verdict)
    else if (verdict === null && result.rows.length < limit) result.rows.push(rowValues(out.text.replace(/\n$/, ''), columns))
  }
  return result
}

function stopError(stop: PageStop): IsthmusError {
  switch (stop.kind) {
    case 'throttled':
      return new IsthmusError('RateLimited', stop.reason, { until: new Date(stop.untilMs), cure: `ask again after ${new Date(stop.untilMs).toISOString()}` })
    case 'authRequired':
      return new IsthmusError('AuthFailed', `${stop.reason}, with a token just fetched`, { field: 'from.auth', cure: 'check the credentials and what they are allowed to read' })
    case 'interrupted':
      return new IsthmusError(stop.type, stop.reason, { field: 'from.baseUrl', cure: 'see that the API runs' })
    case 'refused':
      return new IsthmusError(stop.type, stop.reason, { field: stop.field, cure: stop.cure })
    case 'positionLost':
    case 'more':
    case 'done':
      return new IsthmusError('Contract', 'the source gave no page', { field: 'from.path' })
  }
}
