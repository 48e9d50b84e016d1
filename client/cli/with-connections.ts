import { projectEnvironment } from '../../project/index.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { Connections } from '../connections.ts'
import type { Output } from './output.ts'
import { ensureDatabase } from './stack.ts'

/** Gives the project's connections to a command. The database is enough: it is started where nothing runs. */
export async function withConnections<R>(output: Output, projectDir: string, body: (connections: Connections) => Promise<R>): Promise<R> {
  const environment = (): ReturnType<typeof projectEnvironment> => projectEnvironment(projectDir)
  const key = await loadVaultKey({ env: environment(), projectDir })
  const database = await ensureDatabase(projectDir, output)
  try {
    const store = await openStore(database.databaseUrl, { key })
    try {
      await store.migrate()
      return await body(new Connections({ projectDir, environment, store: () => Promise.resolve(store), reconnected: () => Promise.resolve() }))
    } finally {
      await store.close()
    }
  } finally {
    await database.stop()
  }
}
