// A worker that refreshes tokens, for the test of their owner: it can be killed. Settings come from the environment as for any worker.
import { createActivities, openDeps } from '../../dist/activities/index.js'
import { loadVaultKey, openStore } from '../../dist/store/index.js'
import { runWorker } from '../../dist/workers/run-worker.js'

await runWorker({
  signal: new AbortController().signal,
  onReady: () => process.send('ready'),
  async load({ databaseUrl, projectDir }) {
    const deps = await openDeps({ databaseUrl, projectDir })
    await deps.store.close()
    // Dead processes are given up sooner than in real life.
    deps.store = await openStore(databaseUrl, { key: await loadVaultKey({ env: process.env, projectDir }), silenceMs: 1_500 })
    const { refresh } = createActivities(deps)
    return { activities: { refresh }, close: () => deps.close() }
  },
})
