import { homedir } from 'node:os'
import { existsSync } from 'node:fs'
import { chmod, mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of downloads and bundles shared by all projects: `ISTHMUS_CACHE`, else `isthmus` in the user's cache folder. */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.ISTHMUS_CACHE) return resolve(env.ISTHMUS_CACHE)
  if (process.platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'isthmus', 'cache')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'isthmus')
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'isthmus')
}

/** The project's own folder for data, logs and state: `<projectDir>/.isthmus`. */
export function stateDir(projectDir: string): string {
  return join(resolve(projectDir), '.isthmus')
}

/** Makes the state folder. As root others may pass through it (not list it), because PostgreSQL runs as another user. */
export async function ensureStateDir(projectDir: string): Promise<string> {
  const dir = stateDir(projectDir)
  await mkdir(dir, { recursive: true })
  await chmod(dir, process.getuid?.() === 0 ? 0o711 : 0o700).catch(() => {})
  return dir
}

const here = dirname(fileURLToPath(import.meta.url))

/** True when this code runs from its TypeScript sources, false from `dist/`. */
export const fromSource: boolean = import.meta.url.endsWith('.ts')

/** Folder that holds `workers/`, `workflows/` and the others: the repository from source, else `dist/`. */
export const codeDir: string = dirname(here)

/** Folder of the package (where its `package.json` is). */
export const packageDir: string = existsSync(join(codeDir, 'package.json')) ? codeDir : dirname(codeDir)
