import { IsthmusError } from '../model/errors.ts'
import type { LiveProgress, LogLine, RunSummary, Store } from '../model/ports.ts'
import { withTenant } from '../model/tenant.ts'
import type { Environment } from '../project/index.ts'
import { loadVaultKey, openStore } from '../store/index.ts'
import { uiUrl } from './ids.ts'

/** A run as its commands look at it; `RunHandle` is one with Temporal behind it. */
export interface RunView {
  readonly run: string
  readonly sync: string
  readonly workflowId: string
  readonly uiUrl: string | null
  status(): Promise<RunSummary>
  live(): Promise<LiveProgress[]>
  logs(options?: { follow?: boolean; signal?: AbortSignal }): AsyncGenerator<LogLine>
}

/** The runs of a project, to look at. */
export interface Runs {
  /** A run by its id, or the newest of a sync. Throws NotFound. */
  get(id: string): Promise<RunView>
  /** Newest first. `limit` is 20 by default. */
  list(filter?: { sync?: string; tenant?: string; limit?: number }): Promise<RunSummary[]>
  close(): Promise<void>
}

/** Runs as the database tells them, without Temporal: nothing works on an open one. Without `databaseUrl` there are none. `temporal`: whose UI shows them. */
export async function openPastRuns({ databaseUrl, env, projectDir, temporal = null }: { databaseUrl: string | null; env: Environment; projectDir: string; temporal?: Ui | null }): Promise<Runs> {
  const store = databaseUrl === null ? null : await openStore(databaseUrl, { key: await loadVaultKey({ env, projectDir }) })
  await store?.migrate()
  return {
    async get(id) {
      const found = (await store?.getRun(id)) ?? (await store?.listRuns({ sync: id, limit: 1 }))?.[0]
      if (!store || !found) throw new IsthmusError('NotFound', `there is no run "${id}", and no run of a sync of that name`, { cure: '`isthmus list` shows the runs' })
      return view(store, found, temporal && uiUrl(temporal, found.workflowId, found.temporalRunId))
    },
    list: async ({ sync, tenant, limit = 20 } = {}) => (await store?.listRuns({ ...(sync !== undefined && { sync: withTenant(sync, tenant) }), ...(tenant !== undefined && { tenant }), limit })) ?? [],
    close: async () => store?.close(),
  }
}

type Ui = Parameters<typeof uiUrl>[0]

function view(store: Store, summary: RunSummary, url: string | null): RunView {
  return {
    run: summary.run, sync: summary.sync, workflowId: summary.workflowId, uiUrl: url,
    status: () => Promise.resolve(summary),
    live: () => store.progress(summary.run),
    async *logs() {
      for (let after = 0; ; ) {
        const lines = await store.logs(summary.run, after)
        if (lines.length === 0) return
        for (const { id, ...line } of lines) {
          after = id
          yield line
        }
      }
    },
  }
}
