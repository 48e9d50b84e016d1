import { fork } from 'node:child_process'
import { closeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { IsthmusError, type ErrorType } from '../model/errors.ts'
import { ending, logTail, openLog, within } from './child.ts'
import { codeDir, fromSource, stateDir } from './paths.ts'
import type { Managed } from './keep-running.ts'

/** What the worker process tells its parent. */
export type WorkerMessage =
  | { type: 'ready' }
  /** `final`: starting it again without a change is no use. */
  | { type: 'failed'; final: boolean; error: { type: ErrorType; message: string; file?: string; field?: string; cure?: string } }

const READY_MS = 90_000
/** Longer than the worker's own limit for draining. */
const DRAIN_MS = 28_000

/** Program of the worker process. */
export function workerEntry(): string {
  return join(codeDir, 'workers', fromSource ? 'main.ts' : 'main.js')
}

/** Node 20 does not run TypeScript by itself. Its path is spelled out because its export is for `import` only. */
function typescriptLoader(): string {
  const manifest = createRequire(import.meta.url).resolve('jiti/package.json')
  return pathToFileURL(join(dirname(manifest), 'lib', 'jiti-register.mjs')).href
}

/**
 * Starts the worker process for a project and resolves when it polls. Its output goes to `.isthmus/worker.log`.
 * It drains and ends by itself when this process vanishes.
 * @throws IsthmusError with the worker's own reason.
 */
export async function startWorkerChild(options: { projectDir: string; env: NodeJS.ProcessEnv; entry?: string }): Promise<Managed> {
  const { projectDir, env, entry = workerEntry() } = options
  const log = join(stateDir(projectDir), 'worker.log')
  const fd = openLog(log)
  const child = fork(entry, [projectDir], {
    cwd: projectDir, env, detached: true, stdio: ['ignore', fd, fd, 'ipc'],
    execArgv: fromSource ? ['--import', typescriptLoader()] : [],
  })
  closeSync(fd)
  let failed: Extract<WorkerMessage, { type: 'failed' }> | null = null
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(ending(code, signal)))
    child.once('error', (error) => { if (child.pid === undefined) resolve(error.message) })
  })
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message: WorkerMessage) => {
      if (message.type === 'ready') resolve()
      else failed = message
    })
  })

  const stop = async () => {
    const ended = () => child.exitCode !== null || child.signalCode !== null
    if (ended() || child.pid === undefined) return
    if (child.connected) child.send({ type: 'stop' }, () => {})
    else child.kill('SIGTERM')
    if (await within(exited, DRAIN_MS)) return
    child.kill('SIGKILL')
    await within(exited, 5000)
  }

  let up = false
  await within(Promise.race([ready.then(() => { up = true }), exited]), READY_MS)
  if (!up) {
    child.kill('SIGKILL')
    await within(exited, 5000)
    throw failure(failed, await exited, await logTail(log), log)
  }
  return { pid: child.pid!, marker: `${entry} ${projectDir}`, exited, stop, kill: () => void child.kill('SIGKILL'), gaveUp: () => (failed?.final ? failed.error.message : null) }
}

function failure(told: Extract<WorkerMessage, { type: 'failed' }> | null, how: string, tail: string, log: string): IsthmusError {
  if (told) {
    const { type, message, ...fields } = told.error
    return new IsthmusError(type, message, fields)
  }
  return new IsthmusError('Unreachable', `The worker did not start: it ${how}${tail ? `\n${tail}` : ''}`, { cure: `see ${log}` })
}
