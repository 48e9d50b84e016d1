import { IsthmusError } from '../model/errors.ts'
import type { Reject, RejectDetail, RejectFilter, RetryResult } from '../model/rejects.ts'
import type { Environment } from '../project/index.ts'
import type { RejectsInput } from '../workflows/rejects.ts'
import { newRunId } from './ids.ts'
import { limitOf } from './limit.ts'
import { loadRun } from './load-run.ts'
import type { Opened } from './isthmus.ts'
import { destinationEnvironment, runRepair } from './repair.ts'

/** Ids that one retry takes by name; more are sent by their sync. */
const MOST_IDS = 500

export interface RetryOptions {
  /** Only this stream of the sync. */
  stream?: string
  /** Change nothing, and tell what would happen. */
  dry?: boolean
  /** Stops the retry; what was delivered stays. */
  signal?: AbortSignal
}

/** Records that were set aside: look at them, send them again after a fix, or give them up. */
export class Rejects {
  readonly #projectDir: string
  readonly #environment: () => Environment
  readonly #connect: () => Promise<Opened>

  constructor(projectDir: string, environment: () => Environment, connect: () => Promise<Opened>) {
    this.#projectDir = projectDir
    this.#environment = environment
    this.#connect = connect
  }

  /** Open rejects, newest first, and how many there are. `of`: a sync or run; `all`: also those delivered, dropped or superseded; `limit`: 50 by default. */
  async list(filter: RejectFilter & { limit?: number } = {}): Promise<{ rejects: Reject[]; total: number }> {
    const { store } = await this.#connect()
    return store.listRejects({ ...filter, limit: limitOf(filter.limit ?? 50) })
  }

  /** One reject with its raw record. Throws NotFound. */
  async get(id: string): Promise<RejectDetail> {
    const { store } = await this.#connect()
    const found = await store.getReject(id)
    if (!found) throw new IsthmusError('NotFound', `there is no reject "${id}"`, { cure: '`isthmus rejects list --all` shows them' })
    return found
  }

  /**
   * Maps open rejects with the mapping as it is now and delivers those that fit, with no request to the source: of a sync (its id), or
   * some of them (their ids). Repeatable. One result for each sync.
   */
  async retry(what: string | string[], options: RetryOptions = {}): Promise<RetryResult[]> {
    const ids = [what].flat()
    if (ids.length === 1 && !isRejectId(ids[0]!)) return [await this.#retrySync(ids[0]!, [], options)]
    const odd = ids.find((id) => !isRejectId(id))
    if (odd !== undefined) throw new IsthmusError('InvalidInput', `"${odd}" is no id of a reject`, { cure: 'name one sync, or ids such as r17' })
    if (ids.length > MOST_IDS) throw new IsthmusError('InvalidInput', `${ids.length} ids are too many at once`, { cure: `name at most ${MOST_IDS}, or the sync` })
    const { store } = await this.#connect()
    const { rejects } = await store.listRejects({ ids, all: true, limit: ids.length })
    const unknown = ids.find((id) => !rejects.some((r) => r.id === id))
    if (unknown !== undefined) throw new IsthmusError('NotFound', `there is no reject "${unknown}"`, { cure: '`isthmus rejects list --all` shows them' })
    const closed = rejects.find((r) => r.state !== 'open')
    if (closed) throw new IsthmusError('InvalidInput', `reject ${closed.id} is ${closed.state} already`, { cure: 'name open ones' })
    const cut = rejects.find((r) => r.cut)
    if (cut) throw new IsthmusError('InvalidInput', `of reject ${cut.id} only the first 4 MiB were kept, so it cannot be sent again`, { cure: `correct the cause and run ${cut.sync} again, or drop it: isthmus rejects drop ${cut.id}` })
    const results: RetryResult[] = []
    for (const sync of new Set(rejects.map((r) => r.sync))) {
      results.push(await this.#retrySync(sync, rejects.filter((r) => r.sync === sync).map((r) => r.id), options))
    }
    return results
  }

  async #retrySync(sync: string, ids: string[], { stream, dry = false, signal }: RetryOptions): Promise<RetryResult> {
    const { store, client, searchAttributes } = await this.#connect()
    const { plan } = await loadRun(this.#projectDir, store, sync)
    if (stream !== undefined && !plan.streams.some((s) => s.name === stream)) {
      throw new IsthmusError('NotFound', `the sync has no stream "${stream}"`, { file: plan.file, field: 'stream', cure: `use one of ${plan.streams.map((s) => s.name).join(', ')}` })
    }
    const values = destinationEnvironment(plan, this.#environment())
    const id = `rejects-${newRunId()}`
    await store.savePlan(plan)
    await store.saveSettings(`run/${id}`, values)
    const input: RejectsInput = { id, sync: plan.id, plan: plan.hash, stream: stream ?? '', ids, dry, carried: null }
    try {
      return await runRepair<RetryResult>(client, { type: 'rejects', workflowId: `rejects/${plan.id}`, sync: plan.id, input, summary: `send rejects of ${plan.id} again${dry ? ' (dry run)' : ''}`, searchAttributes }, signal)
    } finally {
      await store.saveSettings(`run/${id}`, {})
    }
  }

  /** Gives rejects up on purpose, for good. Gives the ids of those that were open. */
  async drop(ids: string | string[], note = ''): Promise<string[]> {
    const named = [ids].flat()
    const odd = named.find((id) => !isRejectId(id))
    if (odd !== undefined) throw new IsthmusError('InvalidInput', `"${odd}" is no id of a reject`, { cure: 'use ids such as r17; `isthmus rejects list` shows them' })
    const { store } = await this.#connect()
    return store.dropRejects({ ids: named }, note)
  }
}

/** `r17`: also the name of a sync could be that, but then a reject is meant. */
export function isRejectId(text: string): boolean {
  return /^r\d{1,18}$/.test(text)
}
