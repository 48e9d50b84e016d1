import type { RunSummary } from '../../model/ports.ts'
import { projectEnvironment } from '../../project/index.ts'
import { temporalIsConfigured } from '../../workers/connect.ts'
import { findStack } from '../../workers/stack.ts'
import { hasCluster } from '../../workers/postgres-home.ts'
import { Isthmus } from '../isthmus.ts'
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
    const isthmus = new Isthmus({ projectDir })
    try {
      return await body({ get: (id) => isthmus.syncs.get(id), list: (filter) => isthmus.syncs.list(filter), close: () => isthmus.close() }, false)
    } finally {
      await isthmus.close()
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
