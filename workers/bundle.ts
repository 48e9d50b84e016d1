import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Logger, WorkflowBundleOption } from '@temporalio/worker'
import { IsthmusError } from '../model/errors.ts'
import { failureConverterPath } from './codec/index.ts'
import { cacheDir, codeDir, fromSource } from './paths.ts'

const quiet: Logger = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/** Folders whose code can be part of the bundle; the rest is imported there as types only. */
const FOLDERS = ['workflows', 'model']

/** Bundles: the workflows alone, and with what traces them. */
export const BUNDLES = { plain: 'workflow-bundle.js', traced: 'workflow-bundle-traced.js' } as const
export type BundleKind = keyof typeof BUNDLES

/**
 * The workflow code for a worker: `dist/workflow-bundle.js` (`-traced.js`) when running from `dist/`, else bundled from `workflows/index`
 * (about 5 s) and kept in the cache under the hash of its sources.
 * @throws IsthmusError InvalidInput when the workflows cannot be bundled.
 */
export async function loadBundle(kind: BundleKind = 'plain'): Promise<WorkflowBundleOption> {
  const built = join(codeDir, BUNDLES[kind])
  if (!fromSource && existsSync(built)) return { codePath: built }
  const dir = join(cacheDir(), 'bundles')
  const codePath = join(dir, `${await sourceHash()}${kind === 'traced' ? '-traced' : ''}.js`)
  if (existsSync(codePath)) return { codePath }
  const code = await bundle(join(codeDir, 'workflows', fromSource ? 'index.ts' : 'index.js'), kind)
  try {
    await mkdir(dir, { recursive: true })
    await removeOld(dir)
    const temporary = `${codePath}.${process.pid}-${randomBytes(4).toString('hex')}`
    await writeFile(temporary, code)
    await rename(temporary, codePath)
    return { codePath }
  } catch {
    return { code }
  }
}

/** Bundles workflow code from its entry file; `traced` with the interceptors of `workflows/trace`. */
export async function bundle(workflowsPath: string, kind: BundleKind = 'plain'): Promise<string> {
  let said = ''
  // Loaded where it is needed: the command line starts in half of the time without it.
  const { bundleWorkflowCode } = await import('@temporalio/worker')
  const logger: Logger = { ...quiet, error: (message) => { said += `${message}\n` } }
  const workflowInterceptorModules = kind === 'traced' ? [join(codeDir, 'workflows', fromSource ? 'trace.ts' : 'trace.js')] : []
  try {
    return (await bundleWorkflowCode({ workflowsPath, workflowInterceptorModules, logger, failureConverterPath })).code
  } catch (error) {
    throw new IsthmusError('InvalidInput', `The workflows could not be bundled: ${(said || (error as Error).message).trim().slice(0, 2000)}`, {
      file: workflowsPath, cure: 'correct the code it names', cause: error,
    })
  }
}

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256')
  hash.update(await readFile(createRequire(import.meta.url).resolve('@temporalio/worker/package.json')))
  hash.update(await readFile(failureConverterPath))
  for (const folder of FOLDERS) {
    const names = await readdir(join(codeDir, folder), { recursive: true }).catch(() => [])
    for (const name of names.sort()) {
      if (!/\.[jt]s$/.test(name) || /\.test\.[jt]s$|\.d\.ts$/.test(name)) continue
      const text = await readFile(join(codeDir, folder, name))
      hash.update(`${folder}/${name}:${text.length}\n`).update(text)
    }
  }
  return hash.digest('hex').slice(0, 32)
}

/** Keeps the ten newest of a developer's many versions. */
async function removeOld(dir: string): Promise<void> {
  const files = await Promise.all((await readdir(dir)).map(async (name) => ({ name, at: (await stat(join(dir, name))).mtimeMs })))
  for (const { name } of files.sort((a, b) => b.at - a.at).slice(10)) await rm(join(dir, name), { force: true })
}
