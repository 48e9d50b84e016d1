import { existsSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { createJiti } from 'jiti'
import * as zod from 'zod'
import { at, IsthmusError } from '../model/errors.ts'
import type { Plan } from '../model/plan.ts'
import * as authoring from './authoring.ts'
import { compileSync } from './compile.ts'
import type { SyncDefinition } from './define.ts'

const FILE = /\.(ts|mts|js|mjs)$/
const NO_SYNC = /(\.d\.m?ts|\.(test|spec)\.\w+)$/

/** A sync file of a project: its id is its path below `syncs/`. */
export interface SyncFile {
  id: string
  /** Relative to the project, with `/`. */
  file: string
  path: string
}

export interface LoadedSync {
  plan: Plan
  definition: SyncDefinition
}

/** The project's sync files in order of id. Throws InvalidInput when two of them have one id. */
export async function syncFiles(projectDir: string): Promise<SyncFile[]> {
  const root = join(resolve(projectDir), 'syncs')
  if (!existsSync(root)) {
    throw new IsthmusError('NotFound', 'there is no folder "syncs" here', { file: resolve(projectDir), cure: 'run `isthmus init` for a new project, or go to the folder of yours (or name it with --project)' })
  }
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((e) => e.isFile() && FILE.test(e.name) && !NO_SYNC.test(e.name) && !e.parentPath.split(sep).includes('node_modules'))
    .map((e) => {
      const path = join(e.parentPath, e.name)
      const inside = relative(root, path).split(sep).join('/')
      return { id: inside.replace(FILE, ''), file: `syncs/${inside}`, path }
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const twin = files.find((f, i) => files[i + 1]?.id === f.id)
  if (twin) throw duplicate(twin.id, files.filter((f) => f.id === twin.id).map((f) => f.file))
  return files
}

function duplicate(id: string, files: string[]): IsthmusError {
  return new IsthmusError('InvalidInput', `two syncs have the id "${id}": ${files.join(' and ')}`, { file: files[0], field: 'id', cure: 'rename one of the files, or give one another id' })
}

/** Loads and compiles one file. Throws InvalidInput naming the file when it does not load. */
export async function loadFile(file: SyncFile): Promise<LoadedSync> {
  // One instance of our own modules and of zod for all: a second one would break `instanceof`.
  const jiti = createJiti(file.path, { moduleCache: false, fsCache: false, virtualModules: { isthmus: authoring, zod } })
  let definition: SyncDefinition
  try {
    definition = await jiti.import<SyncDefinition>(file.path, { default: true })
  } catch (error) {
    if (error instanceof IsthmusError) throw at(error, { file: file.file })
    const message = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new IsthmusError('InvalidInput', `the file cannot be loaded: ${message}`, { file: file.file, cure: 'correct the file; `npx tsc --noEmit` shows more', cause: error })
  }
  if (definition?.kind !== 'sync') {
    throw new IsthmusError('InvalidInput', 'the file exports no sync', { file: file.file, field: 'default', cure: 'write export default defineSync({ ... })' })
  }
  return { definition, plan: compileSync(definition, { id: file.id, file: file.file, text: readFileSync(file.path, 'utf8') }) }
}

/** Loads the compiler of sync files ahead of its first use, which then takes a tenth of the time. */
export function warmLoader(): void {
  createJiti(import.meta.url, { moduleCache: false, fsCache: false }).transform({ source: 'export const ready: boolean = true', filename: 'warm.ts', ts: true })
}

/** All syncs of a project; one file that does not compile fails the whole, since ids could collide. */
export async function loadProject(projectDir: string): Promise<LoadedSync[]> {
  const loaded: LoadedSync[] = []
  for (const file of await syncFiles(projectDir)) loaded.push(await loadFile(file))
  const twin = loaded.find((l, i) => loaded.findIndex((o) => o.plan.id === l.plan.id) !== i)
  if (twin) throw duplicate(twin.plan.id, loaded.filter((l) => l.plan.id === twin.plan.id).map((l) => l.plan.file))
  return loaded
}

/** One sync by id. Ids given in code are honoured, so other files are loaded only when the path does not decide. */
export async function loadSync(projectDir: string, id: string): Promise<LoadedSync> {
  const wanted = id.replace(/^syncs\//, '').replace(FILE, '')
  const files = await syncFiles(projectDir)
  const errors: unknown[] = []
  const matches: LoadedSync[] = []
  for (const file of files) {
    try {
      const loaded = await loadFile(file)
      if (loaded.plan.id === wanted) matches.push(loaded)
    } catch (error) {
      if (file.id === wanted) throw error
      errors.push(error)
    }
  }
  if (matches.length > 1) throw duplicate(wanted, matches.map((m) => m.plan.file))
  const found = matches[0]
  if (found) return found
  const known = files.map((f) => f.id)
  throw new IsthmusError('NotFound', `there is no sync "${id}"`, {
    file: 'syncs/', cure: known.length ? `use one of ${known.slice(0, 10).join(', ')}` : 'write the first one: see the README, or run `isthmus init`', cause: errors[0],
  })
}
