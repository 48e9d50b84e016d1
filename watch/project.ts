import { stat } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { durationMs } from '../model/duration.ts'
import { IsthmusError } from '../model/errors.ts'
import type { Finding, Targets } from '../model/watch/index.ts'
import { loadProjectConfig, projectConfigFile, surveyProject, syncFiles, type ProjectConfig } from '../project/index.ts'

/** What the files of a project say of health and alerts. */
export interface ProjectView {
  config: ProjectConfig
  /** null: there are no syncs here, and the targets of the last runs hold. */
  targets: Targets | null
  syncs: Set<string> | null
  findings: Finding[]
}

/** Files are looked at this often at most. */
const QUIET_MS = 15_000

/** Reads a project, and again when one of its files has changed. */
export class ProjectReader {
  readonly #dir: string
  #lookedAt = 0
  #known: { print: string; view: ProjectView } | null = null

  constructor(projectDir: string) {
    this.#dir = projectDir
  }

  async read(now = new Date()): Promise<ProjectView> {
    if (this.#known && performance.now() - this.#lookedAt < QUIET_MS) return this.#known.view
    this.#lookedAt = performance.now()
    const print = await this.#print()
    if (this.#known?.print === print) return this.#known.view
    const view = await readProject(this.#dir, now)
    this.#known = { print, view }
    return view
  }

  async #print(): Promise<string> {
    const files = [...(existsSync(join(this.#dir, 'syncs')) ? await syncFiles(this.#dir) : []), projectConfigFile(this.#dir)].filter((f) => f !== null)
    const times = await Promise.all(files.map((f) => stat(f.path).then((s) => `${f.file} ${s.mtimeMs} ${s.size}`, () => f.file)))
    return times.join('\n')
  }
}

async function readProject(dir: string, now: Date): Promise<ProjectView> {
  const findings: Finding[] = []
  const broken = (file: string, error: unknown): void => {
    const known = error instanceof IsthmusError ? error : new IsthmusError('InvalidInput', 'it does not load', { file })
    findings.push({ fingerprint: `project ${file}`, kind: 'project', severity: 'warning', sync: null, stream: null, connection: null, what: `${file} does not load: ${known.message}`, cure: known.cure ?? 'correct the file', since: now })
  }
  const config = await loadProjectConfig(dir).catch((error: unknown) => {
    broken(projectConfigFile(dir)?.file ?? 'isthmus.config.ts', error)
    return null
  })
  // What is wrong with the settings must not silence what is wrong with the data.
  const view: ProjectView = { config: config ?? (await loadProjectConfig('/nonexistent')), targets: null, syncs: null, findings }
  if (!existsSync(join(dir, 'syncs'))) return view
  const files = await surveyProject(dir)
  for (const { file, error } of files) if (error) broken(file.file, error)
  return {
    ...view,
    syncs: new Set(files.map((f) => f.id)),
    targets: new Map(files.flatMap(({ id, sync }) => (sync ? [[id, new Map(sync.plan.streams.flatMap((s) => (s.freshness === null ? [] : [[s.name, durationMs(s.freshness)] as const])))] as const] : []))),
  }
}
