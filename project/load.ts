import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { createJiti } from 'jiti'
import * as zod from 'zod'
import { at, IsthmusError } from '../model/errors.ts'
import type { Plan } from '../model/plan.ts'
import { splitTenant } from '../model/tenant.ts'
import * as authoring from './authoring.ts'
import { compileSync } from './compile.ts'
import type { SyncDefinition } from './define.ts'
import { loadError } from './load-error.ts'
import { useOneOf } from './nearest.ts'
import { forTenant } from './tenant.ts'

export const FILE = /\.(ts|mts|js|mjs)$/
export const NO_SYNC = /(\.d\.m?ts|\.(test|spec)\.\w+)$/

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

/** The project's sync files in order of id, which two of them may share. Throws NotFound without a folder of syncs. */
export async function syncFiles(projectDir: string): Promise<SyncFile[]> {
  const root = join(resolve(projectDir), 'syncs')
  if (!existsSync(root)) {
    throw new IsthmusError('NotFound', 'there is no folder "syncs" here', { file: resolve(projectDir), cure: 'run `isthmus init` for a new project, or go to the folder of yours (or name it with --project)' })
  }
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return entries
    .filter((e) => e.isFile())
    .flatMap((e) => syncFileAt(root, join(e.parentPath, e.name)) ?? [])
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** A file as one of a sync; null when its place or its name says that it is none. */
function syncFileAt(root: string, path: string): SyncFile | null {
  const inside = relative(root, path).split(sep).join('/')
  if (inside.startsWith('../') || !FILE.test(path) || NO_SYNC.test(path) || path.split(sep).includes('node_modules')) return null
  return { id: inside.replace(FILE, ''), file: `syncs/${inside}`, path }
}

function duplicate(id: string, files: string[], file: string): IsthmusError {
  return new IsthmusError('InvalidInput', `two syncs have the id "${id}": ${files.join(' and ')}`, { file, field: 'id', cure: 'rename one of the files, or give one another id' })
}

/** What a file of the project exports as default. Throws InvalidInput naming the file when it does not load. */
export async function importDefault<T>(file: SyncFile): Promise<T> {
  // One instance of our own modules and of zod for all: a second one would break `instanceof`.
  const jiti = createJiti(file.path, { moduleCache: false, fsCache: compiledDir(file.path.slice(0, -file.file.length)) ?? false, virtualModules: { isthmus: authoring, zod } })
  try {
    return await jiti.import<T>(file.path, { default: true })
  } catch (error) {
    throw loadError(error, file)
  }
}

/** Loads and compiles one file. Throws InvalidInput naming the file when it does not load. */
export async function loadFile(file: SyncFile): Promise<LoadedSync> {
  const definition = await importDefault<SyncDefinition>(file)
  if (definition?.kind !== 'sync') {
    throw new IsthmusError('InvalidInput', 'the file exports no sync', { file: file.file, field: 'default', cure: 'write export default defineSync({ ... })' })
  }
  return { definition, plan: compileSync(definition, { id: file.id, file: file.file, text: readFileSync(file.path, 'utf8') }) }
}

/**
 * Where the compiled form of a project's files is kept, each under its path with the hash of its text: compiling one takes 0.1 s, and the compiler itself
 * 0.3 s to load. Null where the project has no state folder yet, or none that can be written: then everything is compiled anew.
 */
function compiledDir(projectDir: string): string | null {
  const state = join(projectDir, '.isthmus')
  if (!existsSync(state)) return null
  const dir = join(state, 'compiled')
  try {
    // What is read here is run: for nobody else.
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    return dir
  } catch {
    return null
  }
}

/** Loads the compiler of sync files ahead of its first use, which then takes a tenth of the time; not where compiled forms are kept. */
export function warmLoader(projectDir: string): void {
  if (compiledDir(resolve(projectDir)) !== null) return
  createJiti(import.meta.url, { moduleCache: false, fsCache: false }).transform({ source: 'export const ready: boolean = true', filename: 'warm.ts', ts: true })
}

/** A file of a project and what became of it: a sync, or the error that says why not. */
export interface SurveyedFile {
  /** Its path, or what its code says. */
  id: string
  file: SyncFile
  sync: LoadedSync | null
  error: IsthmusError | null
}

/** Every sync file of a project; the broken ones, and those that share an id, come with their error. */
export async function surveyProject(projectDir: string): Promise<SurveyedFile[]> {
  const found: SurveyedFile[] = []
  for (const file of await syncFiles(projectDir)) {
    found.push(await loadFile(file).then((sync) => ({ id: sync.plan.id, file, sync, error: null }), (error: unknown) => ({ id: file.id, file, sync: null, error: at(error, { file: file.file }) })))
  }
  return found.map((f) => {
    const twins = found.filter((o) => o.id === f.id)
    return twins.length > 1 && f.sync ? { ...f, sync: null, error: duplicate(f.id, twins.map((o) => o.file.file), f.file.file) } : f
  })
}

/** All syncs of a project; one file that does not compile fails the whole, since ids could collide. */
export async function loadProject(projectDir: string): Promise<LoadedSync[]> {
  return (await surveyProject(projectDir)).map(({ sync, error }) => {
    if (error) throw error
    return sync!
  })
}

/** One sync by id; `orders@north` is the sync `orders` for the tenant `north`. Throws NotFound, or what is wrong with it. */
export async function loadSync(projectDir: string, id: string): Promise<LoadedSync> {
  const { id: plain, tenant } = splitTenant(id)
  const loaded = await loadPlain(projectDir, plain)
  return tenant === null ? loaded : forTenant(loaded, tenant)
}

/** The sync of a plan, found by the plan's file without a look at the others: they may be many. Throws as `loadSync`. */
export async function loadPlanned(projectDir: string, { id, file }: { id: string; file: string }): Promise<LoadedSync> {
  const { id: plain, tenant } = splitTenant(id)
  const found = syncFileAt(join(resolve(projectDir), 'syncs'), resolve(projectDir, file))
  const loaded = found && existsSync(found.path) ? await loadFile(found) : null
  if (loaded?.plan.id !== plain) return loadSync(projectDir, id)
  return tenant === null ? loaded : forTenant(loaded, tenant)
}

/** Ids given in code are honoured, so all files are loaded; what is wrong with one fails the others only when ids collide. */
async function loadPlain(projectDir: string, id: string): Promise<LoadedSync> {
  const wanted = id.replace(/^syncs\//, '').replace(FILE, '')
  const files = await surveyProject(projectDir)
  const found = files.find((f) => f.sync && f.id === wanted)
  if (found) return found.sync!
  // Asked for by its path, though its code gives it another id; or by an id that two have.
  const broken = files.find((f) => f.error && (f.id === wanted || f.file.id === wanted))
  if (broken) throw broken.error!
  const renamed = files.find((f) => f.file.id === wanted)
  const known = files.map((f) => f.id)
  throw new IsthmusError('NotFound', `there is no sync "${id}"`, {
    file: 'syncs/',
    cure: renamed ? `use its id, "${renamed.id}": ${renamed.file.file} gives it` : known.length ? useOneOf(wanted, known) : 'write the first one: see the README, or run `isthmus init`',
    cause: files.find((f) => f.error)?.error ?? undefined,
  })
}
