import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { HeldTasks, reportDead } from './held.ts'
import { identify } from './processes.ts'

let dir: string
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), 'isthmus-held-'))))
afterEach(() => rm(dir, { recursive: true, force: true }))
const held = () => join(dir, '.isthmus', 'held')

/** A Temporal that takes some tokens and no longer knows others. */
function temporal(known: string[]) {
  const told: string[] = []
  const respondActivityTaskFailed = async (request: { taskToken: Uint8Array; failure: { applicationFailureInfo: { nonRetryable: boolean } } }) => {
    const token = Buffer.from(request.taskToken).toString()
    told.push(token)
    expect(request.failure.applicationFailureInfo.nonRetryable).toBe(false)
    if (!known.includes(token)) throw new Error('NOT_FOUND')
  }
  return { told, client: { options: { namespace: 'default', identity: 'test' }, workflowService: { respondActivityTaskFailed } } as never }
}

/** Number and start of a process that is no more. */
async function deadProcess(): Promise<string> {
  const child = spawn('sleep', ['60'])
  const { pid, started } = await identify(child.pid!)
  child.kill('SIGKILL')
  await once(child, 'exit')
  return `${pid},${started}`
}

it('tells of what a dead worker held, once, and never of what a living one holds', async () => {
  const living = await HeldTasks.open(dir)
  const [name] = await readdir(held())
  const dead = join(held(), `${name!.split(',')[0]},${await deadProcess()}`)
  const elsewhere = join(held(), 'another-machine,1,1')
  for (const [folder, tokens] of [[dead, ['one', 'late']], [elsewhere, ['theirs']]] as const) {
    await mkdir(folder)
    for (const token of tokens) await writeFile(join(folder, token), Buffer.from(token).toString('base64'))
  }
  const execute = living.interceptor({ info: { base64TaskToken: Buffer.from('mine').toString('base64') } } as never).inbound.execute!
  const server = temporal(['one', 'mine', 'theirs'])
  const result = await execute({ args: [], headers: {} }, async () => {
    expect(await readdir(join(held(), name!))).toHaveLength(1)
    // Temporal gave the late one to another worker meanwhile.
    expect(await reportDead(dir, server.client)).toBe(1)
    expect(await reportDead(dir, server.client)).toBe(0)
    return 'done'
  })
  expect(result).toBe('done')
  expect(server.told.sort()).toEqual(['late', 'one'])
  expect(await readdir(join(held(), name!))).toEqual([])
  living.close()
  expect(await readdir(held())).toEqual(['another-machine,1,1'])
})

it('keeps what a drain abandoned for the next worker', async () => {
  const draining = await HeldTasks.open(dir)
  const [name] = await readdir(held())
  const execute = draining.interceptor({ info: { base64TaskToken: Buffer.from('stuck').toString('base64') } } as never).inbound.execute!
  void execute({ args: [], headers: {} }, () => new Promise(() => {}))
  expect(draining.size).toBe(1)
  draining.close()
  expect(await readdir(join(held(), name!))).toHaveLength(1)
})
