import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { IsthmusError } from '../model/errors.ts'
import { connectClient, temporalConnectionOptions, temporalIsConfigured } from './connect.ts'
import { keepRunning, type Kept, type Log, type Managed } from './keep-running.ts'
import { portAnswers } from './ports.ts'
import { startPostgresServer } from './postgres-server.ts'
import { identify, isAlive } from './processes.ts'
import { ensureSearchAttributes } from './search-attributes.ts'
import { openStackCodec, type StackCodec } from './stack-codec.ts'
import { claimStack, cleanStack, readStackFile, releaseStack, updateStackFile, type StackChild, type StackFile } from './stack-file.ts'
import { temporalBinary } from './temporal-binary.ts'
import { startTemporalServer, type TemporalServer } from './temporal-server.ts'
import { startWorkerChild } from './worker-child.ts'

export interface StackOptions {
  projectDir: string
  /** Starts the worker too. True by default. */
  worker?: boolean
  log?: Log
  /** `process.env` by default: `TEMPORAL_*` and `DATABASE_URL` say what is not to be started here. */
  env?: NodeJS.ProcessEnv
  /** Another program for the worker process (tests). */
  workerEntry?: string
}

/** Where the parts of a running stack are. `databaseUrl` holds a password. */
export interface StackInfo {
  /** Process that keeps the stack. */
  pid: number
  /** `uiUrl` is null for a server elsewhere whose UI is not known (`ISTHMUS_TEMPORAL_UI` names it). */
  temporal: { address: string; namespace: string; uiUrl: string | null }
  databaseUrl: string
  /** Where Temporal's UI and CLI have payloads decoded, with its token; null when Temporal runs elsewhere (`isthmus codec` serves it). */
  codec: string | null
  /** Processes of the parts started here. */
  children: { name: 'temporal' | 'postgres' | 'worker'; pid: number }[]
}

export interface Stack extends StackInfo {
  /** Stops worker (draining, at most 28 s), Temporal and PostgreSQL, in this order. Idempotent. Signals are the caller's matter. */
  stop(): Promise<void>
  /** Ends a worker that drains at once; what it worked at is begun again by the next one. `stop` goes on. */
  hurry(): void
}

/**
 * Starts what a project needs on one machine and is not given by the environment: Temporal, PostgreSQL and the worker.
 * Parts that die are started again. Resolves when all of them answer; when one does not, the others are stopped first.
 * @throws IsthmusError AlreadyRunning when a stack of this project runs; NotFound, Unreachable, AuthFailed ... with the cure.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { worker = true, log = () => {}, env = process.env } = options
  const projectDir = await realpath(resolve(options.projectDir))
  const file = await claimStack(projectDir)
  const kept: Partial<Record<StackChild['name'], Kept<Managed>>> = {}
  let writing: Promise<void> = Promise.resolve()
  const save = () => (writing = writing.then(() => updateStackFile(projectDir, file)))

  const keep = async <T extends Managed>(name: StackChild['name'], title: string, start: () => Promise<T>): Promise<T> => {
    const managed = await keepRunning(title, start, {
      log,
      async started(now) {
        // Known first: the parts start side by side, and nothing may come between reading the list and writing it.
        const identity = await identify(now.pid)
        file.children = [...file.children.filter((child) => child.name !== name), { name, ...identity, marker: now.marker }]
        await save()
      },
    })
    kept[name] = managed
    return managed.current()
  }

  let stopped: Promise<void> | null = null
  let codec: StackCodec | null = null
  const stop = () => (stopped ??= (async () => {
    await codec?.close().catch((error: Error) => log('error', `the codec server could not be stopped: ${error.message}`))
    for (const name of ['worker', 'temporal', 'postgres'] as const) {
      await kept[name]?.stop().catch((error: Error) => log('error', `${name} could not be stopped: ${error.message}`))
    }
    await writing.catch(() => {})
    await releaseStack(projectDir)
  })())

  // Not before `stop`: it would be started again.
  const hurry = (): void => void (stopped && kept.worker?.current().kill?.())

  try {
    if (!temporalIsConfigured(env)) codec = await openStackCodec({ projectDir, namespace: ownNamespace(env), env, log })
    const parts = await Promise.allSettled([temporalPart(projectDir, env, log, keep, codec?.endpoint), postgresPart(projectDir, env, log, keep)])
    for (const part of parts) if (part.status === 'rejected') throw part.reason
    const [temporal, databaseUrl] = parts.map((part) => (part as PromiseFulfilledResult<unknown>).value) as [StackInfo['temporal'], string]
    Object.assign(file, { temporal, databaseUrl, codec: codec?.endpoint ?? null } satisfies Partial<StackFile>)
    codec?.serve({ databaseUrl, uiUrl: () => (kept.temporal?.current() as TemporalServer | undefined)?.uiUrl ?? null })
    await save()
    if (worker) {
      const workerEnv = childEnv(env, projectDir, temporal, databaseUrl)
      await keep('worker', 'The worker', () => startWorkerChild({ projectDir, env: workerEnv, entry: options.workerEntry }))
      log('info', 'The worker is ready')
    }
    file.state = 'ready'
    await save()
    return { ...info(file), get children() { return info(file).children }, stop, hurry }
  } catch (error) {
    await stop()
    throw error
  }
}

type Keep = <T extends Managed>(name: StackChild['name'], title: string, start: () => Promise<T>) => Promise<T>

async function temporalPart(projectDir: string, env: NodeJS.ProcessEnv, log: Log, keep: Keep, codecEndpoint: string | undefined): Promise<StackInfo['temporal']> {
  if (temporalIsConfigured(env)) {
    const options = temporalConnectionOptions(env)
    const client = await connectClient(options)
    try {
      const problem = await ensureSearchAttributes(client)
      if (problem) log('warn', problem)
    } finally {
      await client.connection.close()
    }
    const { address, namespace } = options
    const cloud = /\.(tmprl\.cloud|api\.temporal\.io)(:|$)/.test(address)
    log('info', `Temporal at ${address} is used, namespace ${namespace}`)
    return { address, namespace, uiUrl: env.ISTHMUS_TEMPORAL_UI?.replace(/\/+$/, '') || (cloud ? 'https://cloud.temporal.io' : null) }
  }
  const binary = await temporalBinary({ env, log: (message) => log('info', message) })
  const dir = `${projectDir}/.isthmus`
  let again: TemporalServer | undefined
  const server = await keep('temporal', 'Temporal', async () => (again = await startTemporalServer({ dir, binary, namespace: ownNamespace(env), ...(again && { again }), ...(codecEndpoint && { codecEndpoint }) })))
  const { address, namespace, uiUrl } = server
  log('info', `Temporal runs at ${address}, its web UI at ${uiUrl}`)
  return { address, namespace, uiUrl }
}

/** Namespace of a server that is started here. */
function ownNamespace(env: NodeJS.ProcessEnv): string {
  return env.TEMPORAL_NAMESPACE || 'default'
}

async function postgresPart(projectDir: string, env: NodeJS.ProcessEnv, log: Log, keep: Keep): Promise<string> {
  if (env.DATABASE_URL) {
    await checkDatabase(env.DATABASE_URL)
    log('info', 'The database of DATABASE_URL is used')
    return env.DATABASE_URL
  }
  let again: number | undefined
  const { databaseUrl, port } = await keep('postgres', 'PostgreSQL', async () => {
    const server = await startPostgresServer({ projectDir, ...(again !== undefined && { again }) })
    again = server.port
    return server
  })
  log('info', `PostgreSQL runs at 127.0.0.1:${port}, database isthmus`)
  return databaseUrl
}

async function checkDatabase(databaseUrl: string): Promise<void> {
  let client: pg.Client
  try {
    client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 })
  } catch (error) {
    throw new IsthmusError('InvalidInput', 'DATABASE_URL is not the address of a database', { cure: 'write it as postgresql://user:password@host:5432/database', cause: error })
  }
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    const where = `${client.host}:${client.port}`
    if (code === '28P01' || code === '28000') throw new IsthmusError('AuthFailed', `The database at ${where} refused the user of DATABASE_URL`, { cure: 'correct user and password in DATABASE_URL', cause: error })
    throw new IsthmusError('Unreachable', `The database of DATABASE_URL does not answer at ${where} (${message || code})`, {
      cure: 'start it or correct DATABASE_URL; unset it to use the embedded PostgreSQL', cause: error,
    })
  } finally {
    await client.end().catch(() => {})
  }
}

function childEnv(env: NodeJS.ProcessEnv, projectDir: string, temporal: StackInfo['temporal'], databaseUrl: string): NodeJS.ProcessEnv {
  const child: NodeJS.ProcessEnv = { ...env, ISTHMUS_PROJECT_DIR: projectDir, DATABASE_URL: databaseUrl }
  if (temporalIsConfigured(env)) return child
  // Keys, certificates and profiles meant for another server must not reach the local one.
  for (const name of Object.keys(child)) if (name.startsWith('TEMPORAL_')) delete child[name]
  return { ...child, TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace, TEMPORAL_TLS: 'false', ISTHMUS_TEMPORAL_UI: temporal.uiUrl ?? '' }
}

function info(file: StackFile): StackInfo {
  return { pid: file.supervisor.pid, temporal: file.temporal!, databaseUrl: file.databaseUrl!, codec: file.codec ?? null, children: file.children.map(({ name, pid }) => ({ name, pid })) }
}

/**
 * The stack that runs for a project, or null. Waits (at most 60 s) for one that is starting; one whose servers are being started
 * again gets 10 s. Cleans up after one whose process was killed.
 */
export async function findStack(projectDir: string): Promise<StackInfo | null> {
  const dir = await realpath(resolve(projectDir)).catch(() => null)
  if (dir === null) return null
  const begun = Date.now()
  for (;;) {
    const file = (await readStackFile(dir))?.content
    if (!file) return null
    if (!(await isAlive(file.supervisor))) {
      await cleanStack(dir)
      return null
    }
    if (file.state === 'ready' && (await answers(file))) return info(file)
    if (Date.now() - begun > (file.state === 'ready' ? 10_000 : 60_000)) return null
    await sleep(200)
  }
}

async function answers(file: StackFile): Promise<boolean> {
  const own = new Set(file.children.map((child) => child.name))
  const targets: string[] = []
  if (own.has('temporal')) targets.push(file.temporal!.address)
  if (own.has('postgres')) targets.push(new URL(file.databaseUrl!).host)
  const results = await Promise.all(targets.map((target) => {
    const [host, port] = target.split(':')
    return portAnswers(host!, Number(port))
  }))
  return results.every(Boolean)
}
