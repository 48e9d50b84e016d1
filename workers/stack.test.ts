import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { connectClient } from './connect.ts'
import { identify, processFacts } from './processes.ts'
import { API_TASK_QUEUE, TASK_QUEUE } from './queues.ts'
import { findStack, startStack as start, type Stack, type StackOptions } from './stack.ts'
import { stackFilePath, type StackFile } from './stack-file.ts'

const workerEntry = fileURLToPath(new URL('./fixtures/worker.mjs', import.meta.url))
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'DATABASE_URL' && !name.startsWith('TEMPORAL_')))
let projectDir = ''
let codec = ''

const started: Stack[] = []

async function startStack(options: StackOptions): Promise<Stack> {
  const stack = await start(options)
  started.push(stack)
  return stack
}

// What one test leaves behind must not fail the next ones.
afterEach(async () => { await Promise.all(started.splice(0).map((stack) => stack.stop())) })
beforeAll(async () => { projectDir = await mkdtemp(join(tmpdir(), 'isthmus-stack-')) })
afterAll(async () => {
  const left = JSON.parse(await readFile(join(projectDir, '.isthmus', 'postgres.json'), 'utf8').catch(() => '{}')) as { dataDir?: string }
  await rm(projectDir, { recursive: true, force: true })
  if (left.dataDir?.startsWith('/var/lib/isthmus/')) await rm(dirname(left.dataDir), { recursive: true, force: true })
})

async function query(stack: Pick<Stack, 'databaseUrl'>, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: stack.databaseUrl })
  await client.connect()
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}

/** Listens as soon as the port is free. */
async function listening(port: number): Promise<Server> {
  for (;;) {
    const server = createServer().listen(port, '127.0.0.1')
    if (await once(server, 'listening').then(() => true, () => false)) return server
    await sleep(2)
  }
}

async function gone(pids: number[], ms = 10_000): Promise<boolean> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    if ((await Promise.all(pids.map(processFacts))).every((facts) => facts === null)) return true
  }
  return false
}

describe('the stack of a project', () => {
  it('starts, is found, refuses a second one, runs workflows, restarts what dies, stops without a trace', async () => {
    const stack = await startStack({ projectDir, env, workerEntry })
    expect(stack.children.map((child) => child.name).sort()).toEqual(['postgres', 'temporal', 'worker'])
    expect((await stat(stackFilePath(projectDir))).mode & 0o777).toBe(0o600)
    expect((await fetch(stack.temporal.uiUrl!)).status).toBe(200)
    expect(await findStack(projectDir)).toEqual({ pid: stack.pid, temporal: stack.temporal, databaseUrl: stack.databaseUrl, codec: stack.codec, children: stack.children })
    await expect(startStack({ projectDir, env, workerEntry })).rejects.toMatchObject({ type: 'AlreadyRunning', message: expect.stringContaining(String(process.pid)) })
    await query(stack, 'create table kept as select 7 as n')

    const client = await connectClient(stack.temporal)
    const [prepared, read] = (await client.workflow.execute('both', { taskQueue: TASK_QUEUE, workflowId: 'kept' })) as string[]
    expect(read).toBe('read')
    const history = await client.workflow.getHandle('kept').fetchHistory()
    const queues = history.events!.flatMap((e) => e.activityTaskScheduledEventAttributes?.taskQueue?.name ?? [])
    expect(queues).toEqual([TASK_QUEUE, API_TASK_QUEUE])
    for (const where of ['arguments', 'result']) {
      const error = await client.workflow.execute('tooLarge', { taskQueue: TASK_QUEUE, workflowId: `large-${where}`, args: [where] }).then(() => null, (e) => e)
      expect(error.cause.cause).toMatchObject({ type: 'PayloadTooLarge', nonRetryable: true })
    }

    const before = stack.children
    process.kill(before.find((c) => c.name === 'worker')!.pid, 'SIGKILL')
    const [again] = (await client.workflow.execute('both', { taskQueue: TASK_QUEUE, workflowId: 'after-kill' })) as string[]
    expect(again).not.toBe(prepared)
    await client.connection.close()

    codec = stack.codec!
    const pids = [...before, ...stack.children].map((child) => child.pid)
    await Promise.all([stack.stop(), stack.stop()])
    expect(await gone(pids, 1000)).toBe(true)
    expect(await findStack(projectDir)).toBeNull()
    await expect(stat(stackFilePath(projectDir))).rejects.toThrow()
  }, 90_000)

  it('keeps its data and addresses over a restart, and stops everything when the worker cannot start', async () => {
    const stack = await startStack({ projectDir, env, worker: false })
    expect(await query(stack, 'select n from kept')).toEqual([{ n: 7 }])
    const client = await connectClient(stack.temporal)
    expect((await client.workflow.getHandle('kept').describe()).status.name).toBe('COMPLETED')
    await client.connection.close()

    expect(stack.codec).toBe((JSON.parse(await readFile(join(projectDir, '.isthmus', 'codec.json'), 'utf8')) as { endpoint: string }).endpoint)
    expect(stack.codec).toBe(codec)
    const before = stack.children.map((child) => child.pid)
    // A stranger takes Temporal's port while it is away: it comes back to the same one, once that is free, and to no other.
    const { port } = new URL(`http://${stack.temporal.address}`)
    for (const pid of before) process.kill(pid, 'SIGKILL')
    const stranger = await listening(Number(port))
    const away = () => stack.children.filter((child) => before.includes(child.pid)).map((child) => child.name)
    for (const end = Date.now() + 20_000; Date.now() < end && away().includes('postgres'); ) await sleep(50)
    await sleep(1_000)
    expect(away()).toEqual(['temporal'])
    stranger.close()
    for (const end = Date.now() + 20_000; Date.now() < end && away().length > 0; ) await sleep(50)
    expect(await findStack(projectDir)).toMatchObject({ temporal: stack.temporal, databaseUrl: stack.databaseUrl })
    expect(await query(stack, 'select n from kept')).toEqual([{ n: 7 }])
    await stack.stop()
    await expect(startStack({ projectDir, env: { ...env, FIXTURE: 'config' }, workerEntry })).rejects.toMatchObject({ type: 'VaultKey', cure: 'set the right key' })
    expect(await findStack(projectDir)).toBeNull()
  }, 90_000)

  it('cleans up after a SIGKILL of its process, and starts again', async () => {
    const parent = spawn(process.execPath, [fileURLToPath(new URL('./fixtures/supervisor.mjs', import.meta.url)), projectDir], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const children = JSON.parse(line.toString()) as { name: string; pid: number }[]
    parent.kill('SIGKILL')
    await once(parent, 'exit')
    const orphans = children.filter((child) => child.name !== 'worker').map((child) => child.pid)
    expect((await Promise.all(orphans.map(processFacts))).every(Boolean)).toBe(true)
    expect(await findStack(projectDir)).toBeNull()
    expect(await gone(children.map((child) => child.pid))).toBe(true)
    const stack = await startStack({ projectDir, env, worker: false })
    expect(await query(stack, 'select n from kept')).toEqual([{ n: 7 }])
    await stack.stop()
  }, 90_000)

  it('leaves a foreign process alone that got the number of a child', async () => {
    const foreign = spawn('sleep', ['60'])
    const identity = await identify(foreign.pid!)
    const children: StackFile['children'] = [
      { name: 'temporal', ...identity, marker: join(projectDir, '.isthmus', 'temporal.db') },
      { name: 'postgres', pid: identity.pid, started: '1', marker: 'sleep' },
    ]
    const file: StackFile = { version: 1, project: projectDir, state: 'ready', supervisor: { pid: 999_999_999, started: '1' }, temporal: null, databaseUrl: null, children }
    await writeFile(stackFilePath(projectDir), JSON.stringify(file))
    expect(await findStack(projectDir)).toBeNull()
    expect(await processFacts(identity.pid)).not.toBeNull()
    // PostgreSQL's own pid file naming a living foreign process must not keep it from starting.
    const { dataDir } = JSON.parse(await readFile(join(projectDir, '.isthmus', 'postgres.json'), 'utf8')) as { dataDir: string }
    await writeFile(join(dataDir, 'postmaster.pid'), `${identity.pid}\n${dataDir}\n1\n5432\n\n127.0.0.1\n`)
    const stack = await startStack({ projectDir, env, worker: false })
    await stack.stop()
    expect(await processFacts(identity.pid)).not.toBeNull()
    foreign.kill()
  }, 60_000)
})
