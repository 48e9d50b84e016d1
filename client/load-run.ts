import type { Store } from '../model/ports.ts'
import { isPost, loadSync, recompilePost, type LoadedSync } from '../project/index.ts'

/** The sync of a run as it is now: from its file, or for what was posted from the plan of its newest run. */
export async function loadRun(projectDir: string, store: Pick<Store, 'listRuns' | 'planOf' | 'getPlan'>, id: string): Promise<LoadedSync> {
  if (id.startsWith('post/')) {
    const [newest] = await store.listRuns({ sync: id, limit: 1 })
    const hash = newest ? await store.planOf(newest.run) : null
    const plan = hash ? await store.getPlan(hash) : null
    if (plan && isPost(plan)) return recompilePost(projectDir, plan)
  }
  return loadSync(projectDir, id)
}
