import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Connections } from '../../client/connections.ts'
import type { HttpApiOptions } from '../../client/http/index.ts'
import { Isthmus } from '../../client/isthmus.ts'
import type { Store } from '../../model/ports.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { testDatabase } from './postgres.ts'

export interface HttpProject {
  databaseUrl: string
  store: Store
  /** For `startHttpApi`, on a free port. */
  options: HttpApiOptions
  close(): Promise<void>
}

/** A project with the connector `acme` and its database, for HTTP APIs within the test's process; without Temporal. `reconnected` hears of connections that can be used again. */
export async function httpProject({ connector, env, token, reconnected = () => undefined }: { connector: string; env: Record<string, string>; token: string; reconnected?: (connection: string) => void }): Promise<HttpProject> {
  const database = await testDatabase()
  const projectDir = await mkdtemp(join(tmpdir(), 'isthmus-http-'))
  for (const folder of ['connectors', 'syncs']) await mkdir(join(projectDir, folder))
  await writeFile(join(projectDir, 'connectors/acme.ts'), connector)
  const store = await openStore(database.url, { key: await loadVaultKey({ env: { ISTHMUS_KEY: randomBytes(32).toString('hex') }, projectDir }) })
  await store.migrate()
  const connections = new Connections({ projectDir, environment: () => env, store: () => Promise.resolve(store), reconnected: (name) => (reconnected(name), Promise.resolve([])) })
  const isthmus = new Isthmus({ projectDir, databaseUrl: database.url, env })
  return {
    databaseUrl: database.url, store,
    options: { host: '127.0.0.1', port: 0, token, publicUrl: null, connections, isthmus, keys: store },
    async close() {
      await isthmus.close()
      await store.close()
      await database.close()
      await rm(projectDir, { recursive: true, force: true })
    },
  }
}
