import type { RunSummary } from '../../model/ports.ts'
import { projectEnvironment, type Environment } from '../../project/index.ts'
import { temporalIsConfigured } from '../../workers/connect.ts'
import { findStack } from '../../workers/stack.ts'
import { hasCluster } from '../../workers/postgres-home.ts'
import { findTemporal } from '../connect.ts'
import type { Isthmus } from '../isthmus.ts'
import { openPastRuns, type Runs } from '../past-runs.ts'
import type { Output } from './output.ts'
import { ensureDatabase } from './stack.ts'

/** About open runs when nothing works on them. */
export const IDLE = 'nothing works on the running one now: it goes on when `isthmus dev` is started'

/** ms a run took, or takes so far. */
export const took = (r: RunSummary): number => (r.finishedAt ?? new Date()).getTime() - r.startedAt.getTime()

/** The runs of a project for a command that looks at them. `idle`: no Temporal runs, so nothing works on an open run. */
export async function withRuns<R>(projectDir: string, output: Output, body: (runs: Runs, idle: boolean) => Promise<R>): Promise<R> {
  const env = projectEnvironment(projectDir)
  if (temporalIsConfigured(env) || (await findStack(projectDir))) {
    const runs = await liveRuns(projectDir, env)
    try {
      return await body(runs, false)
    } finally {
      await runs.close()
    }
  }
  // A project that never ran has no database: none is made only to find it empty.
  const database = env['DATABASE_URL'] || (await hasCluster(projectDir)) ? await ensureDatabase(projectDir, output) : null
  try {
    const runs = await openPastRuns({ databaseUrl: database?.databaseUrl ?? null, env, projectDir })
    try {
      return await body(runs, true)
    } finally {
      await runs.close()
    }
  } finally {
    await database?.stop()
  }
}

/** Runs of a project on which something works: Temporal is asked about those that have not ended, and loaded (0.5 s) for them only. */
async function liveRuns(projectDir: string, env: Environment): Promise<Runs> {
  const { temporal, databaseUrl } = await findTemporal(projectDir, env)
  let opened: Promise<Isthmus> | null = null
  const isthmus = (): Promise<Isthmus> => (opened ??= import('../isthmus.ts').then(({ Isthmus }) => new Isthmus({ projectDir })))
  const close = async (): Promise<void> => void (await (await opened)?.close())
  if (databaseUrl === null) {
    const { syncs } = await isthmus()
    return { get: (id) => syncs.get(id), list: (filter) => syncs.list(filter), close }
  }
  const past = await openPastRuns({ databaseUrl, env, projectDir, temporal })
  return {
    async get(id) {
      const view = await past.get(id)
      return (await view.status()).outcome === 'running' ? (await isthmus()).syncs.get(view.run) : view
    },
    async list(filter) {
      const runs = await past.list(filter)
      return Promise.all(runs.map(async (r) => (r.outcome === 'running' ? (await (await isthmus()).syncs.get(r.run)).status() : r)))
    },
    async close() {
      await close()
      await past.close()
    },
  }
}
