import { join } from 'node:path'
import { openActions, type Actions } from '../destinations/actions/index.ts'
import { postgresDestination } from '../destinations/postgres/index.ts'
import type { TokenOwner } from '../model/owner.ts'
import type { RowDestination, Stage, Store } from '../model/ports.ts'
import type { ScheduleControl } from '../model/schedules.ts'
import { projectEnvironment, warmLoader } from '../project/index.ts'
import { folderStage } from '../stage/index.ts'
import { loadVaultKey, openStore } from '../store/index.ts'

/** What activities hold open for as long as the worker lives. */
export interface ActivityDeps {
  store: Store
  stage: Stage
  projectDir: string
  /** The database of Isthmus itself, also the default destination. */
  databaseUrl: string
  /** One pool for each destination database. */
  destination(url: string): RowDestination
  /** Actions of APIs; opened when the first one is asked for. */
  actions(): Actions
  /** Who refreshes tokens; null where there is no Temporal to ask: then the store's own claim keeps it to one at a time. */
  owner: TokenOwner | null
  /** Temporal, for what concerns schedules; null where there is none. */
  schedules: ScheduleControl | null
  /** The worker drains: what can end early does. */
  draining: boolean
  close(): Promise<void>
}

export interface DepsOptions {
  databaseUrl: string
  projectDir: string
  /** Folder of the stage. Default: `ISTHMUS_STAGE`, else `.isthmus/stage` in the project. */
  stageDir?: string
}

/** Opens store and stage. Throws Unreachable or VaultKey with the cure. */
export async function openDeps(options: DepsOptions): Promise<ActivityDeps> {
  const { databaseUrl, projectDir } = options
  const store = await openStore(databaseUrl, { key: await loadVaultKey({ env: projectEnvironment(projectDir), projectDir }) })
  await store.migrate()
  warmLoader(projectDir)
  const destinations = new Map<string, RowDestination>()
  let actions: Actions | null = null
  return {
    store,
    stage: folderStage(options.stageDir ?? stageDir(projectDir)),
    projectDir,
    databaseUrl,
    destination(url) {
      const open = destinations.get(url) ?? postgresDestination(url)
      destinations.set(url, open)
      return open
    },
    actions: () => (actions ??= openActions(databaseUrl)),
    owner: null,
    schedules: null,
    draining: false,
    async close() {
      await actions?.close()
      await Promise.all([...destinations.values()].map((d) => d.close()))
      await store.close()
    },
  }
}

/** Where staged pages lie: the client's look at the first page and the worker share it. */
export function stageDir(projectDir: string, env: NodeJS.ProcessEnv = process.env): string {
  return env['ISTHMUS_STAGE'] || join(projectDir, '.isthmus', 'stage')
}
