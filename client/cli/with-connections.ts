import type { Store } from '../../model/ports.ts'
import { projectEnvironment } from '../../project/index.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { findTemporal } from '../connect.ts'
import { Connections } from '../connections.ts'
import { Isthmus } from '../isthmus.ts'
import type { Output } from './output.ts'
import { ensureDatabase } from './stack.ts'

/** Gives the project's connections to a command. The database is enough: it is started where nothing runs. */
export function withConnections<R>(output: Output, projectDir: string, body: (connections: Connections, store: Store, databaseUrl: string) => Promise<R>): Promise<R> {
  return withStore(output, projectDir, (store, databaseUrl) =>
    body(new Connections({ projectDir, environment: () => projectEnvironment(projectDir), store: () => Promise.resolve(store), reconnected: (connection) => reconnected(projectDir, connection) }), store, databaseUrl))
}

/** Gives the project's store to a command. */
export async function withStore<R>(output: Output, projectDir: string, body: (store: Store, databaseUrl: string) => Promise<R>): Promise<R> {
  const key = await loadVaultKey({ env: projectEnvironment(projectDir), projectDir })
  const database = await ensureDatabase(projectDir, output)
  try {
    const store = await openStore(database.databaseUrl, { key })
    try {
      await store.migrate()
      return await body(store, database.databaseUrl)
    } finally {
      await store.close()
    }
  } finally {
    await database.stop()
  }
}

/** Where Temporal runs, what waits for this connection is sent on. */
async function reconnected(projectDir: string, connection: string): Promise<string[]> {
  if (!(await findTemporal(projectDir, projectEnvironment(projectDir)).catch(() => null))) return []
  const isthmus = new Isthmus({ projectDir })
  try {
    return await isthmus.reconnected(connection)
  } finally {
    await isthmus.close()
  }
}
