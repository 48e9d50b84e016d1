import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { IsthmusError } from '../model/errors.ts'
import { linkNew, removeUnchanged } from './claim-file.ts'
import { POSTGRES_STOP } from './postgres-server.ts'
import { TEMPORAL_STOP } from './temporal-server.ts'
import { ensureStateDir, stateDir } from './paths.ts'
import { identify, isAlive, stopVerified, type ProcessIdentity } from './processes.ts'

export interface StackChild extends ProcessIdentity {
  name: 'temporal' | 'postgres' | 'worker'
  /** Stands in the command line of the process and of no other. */
  marker: string
}

/** `.isthmus/dev.json` (mode 600): the stack that runs for a project. */
export interface StackFile {
  version: 1
  project: string
  state: 'starting' | 'ready'
  supervisor: ProcessIdentity
  temporal: { address: string; namespace: string; uiUrl: string | null } | null
  databaseUrl: string | null
  /** Endpoint of the codec server, with its token; absent in files of older versions. */
  codec?: string | null
  children: StackChild[]
}

export function stackFilePath(projectDir: string): string {
  return join(stateDir(projectDir), 'dev.json')
}

/** `projectDir` is the real path, here and below. */
export async function readStackFile(projectDir: string): Promise<{ content: StackFile; text: string } | null> {
  try {
    const text = await readFile(stackFilePath(projectDir), 'utf8')
    const content = JSON.parse(text) as StackFile
    // A copy of another project's folder: its processes are not ours to find or to stop.
    if (content.project !== projectDir) return { content: { ...content, supervisor: { pid: 0, started: '' }, children: [] }, text }
    return { content, text }
  } catch {
    return null
  }
}

async function temporary(projectDir: string, content: StackFile): Promise<string> {
  const file = `${stackFilePath(projectDir)}.${process.pid}-${randomBytes(4).toString('hex')}`
  await writeFile(file, JSON.stringify(content, null, 2), { mode: 0o600 })
  return file
}

/**
 * Takes the project for this process: writes the file if there is none, or if that of a dead process was cleaned away.
 * @throws IsthmusError AlreadyRunning, naming the process that holds it.
 */
export async function claimStack(projectDir: string): Promise<StackFile> {
  await ensureStateDir(projectDir)
  const content: StackFile = { version: 1, project: projectDir, state: 'starting', supervisor: await identify(process.pid), temporal: null, databaseUrl: null, children: [] }
  const file = await temporary(projectDir, content)
  try {
    for (let attempt = 0; attempt < 20; attempt++) {
      if (await linkNew(file, stackFilePath(projectDir))) return content
      const holder = (await readStackFile(projectDir))?.content.supervisor
      if (holder && (await isAlive(holder))) {
        throw new IsthmusError('AlreadyRunning', `Isthmus already runs for ${projectDir} (process ${holder.pid})`, {
          cure: `use it as it is, or stop it first (Ctrl-C there, or \`kill ${holder.pid}\`)`,
        })
      }
      await cleanStack(projectDir)
    }
    throw new IsthmusError('AlreadyRunning', `${stackFilePath(projectDir)} cannot be taken`, { cure: 'remove the file when nothing runs for this project' })
  } finally {
    await rm(file, { force: true })
  }
}

/** Replaces the file that this process holds. */
export async function updateStackFile(projectDir: string, content: StackFile): Promise<void> {
  await rename(await temporary(projectDir, content), stackFilePath(projectDir))
}

/** Removes the file if this process holds it. */
export async function releaseStack(projectDir: string): Promise<void> {
  if ((await readStackFile(projectDir))?.content.supervisor.pid === process.pid) await rm(stackFilePath(projectDir), { force: true })
}

/**
 * When the process that holds the stack is dead: stops what it left running (each one verified by number, start and command
 * line, so never a foreign process) and removes the file. Does nothing while it lives.
 */
export async function cleanStack(projectDir: string): Promise<void> {
  const stale = await readStackFile(projectDir)
  if (stale && (await isAlive(stale.content.supervisor))) return
  for (const name of ['worker', 'temporal', 'postgres'] as const) {
    for (const child of stale?.content.children ?? []) {
      if (child.name !== name) continue
      const steps = { worker: WORKER_STOP, temporal: TEMPORAL_STOP, postgres: POSTGRES_STOP }[name]
      await stopVerified(child, child.marker, steps)
    }
  }
  // Another process may have done the same and taken the project meanwhile.
  await removeUnchanged(stackFilePath(projectDir), stale?.text ?? null)
}

/** An orphaned worker drains by itself; this is how long it is given. */
const WORKER_STOP: [NodeJS.Signals, number][] = [['SIGTERM', 5000], ['SIGKILL', 5000]]
