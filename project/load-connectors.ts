import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { catalogue } from '../connectors/catalogue/index.ts'
import type { Connector } from '../connectors/define.ts'
import { at, IsthmusError } from '../model/errors.ts'
import { importDefault, FILE, NO_SYNC, type SyncFile } from './load.ts'

/** A connector of a project, or why its file gives none. */
export interface SurveyedConnector {
  id: string
  /** Relative to the project. */
  file: string
  connector: Connector | null
  error: IsthmusError | null
}

/** The connectors of a project: files right below `connectors/`, each with `defineConnector` as its default export. In order of id. */
export async function projectConnectors(projectDir: string): Promise<SurveyedConnector[]> {
  const root = join(resolve(projectDir), 'connectors')
  if (!existsSync(root)) return []
  const entries = await readdir(root, { withFileTypes: true })
  const files = entries.filter((e) => e.isFile() && FILE.test(e.name) && !NO_SYNC.test(e.name)).map((e): SyncFile => ({ id: e.name.replace(FILE, ''), file: `connectors/${e.name}`, path: join(root, e.name) }))
  const found = await Promise.all(
    files.map((f) => loadConnector(f).then((connector) => ({ id: connector.id, file: f.file, connector, error: null }), (error: unknown) => ({ id: f.id, file: f.file, connector: null, error: at(error, { file: f.file }) }))),
  )
  return found.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** A connector by its id: one of the project, or of the catalogue; null when there is none. Throws what is wrong with its file. */
export async function findConnector(projectDir: string, id: string): Promise<{ connector: Connector; file: string } | null> {
  const own = (await projectConnectors(projectDir)).find((c) => c.id === id)
  if (own?.error) throw own.error
  const connector = own?.connector ?? catalogue.find((c) => c.id === id) ?? null
  return connector && { connector, file: own?.file ?? '' }
}

async function loadConnector(file: SyncFile): Promise<Connector> {
  const made = await importDefault<Connector>(file)
  if (made?.kind !== 'connector') {
    throw new IsthmusError('InvalidInput', 'the file exports no connector', { file: file.file, field: 'default', cure: `write export default defineConnector('${file.id}', { ... })` })
  }
  return made
}
