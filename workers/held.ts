import { randomBytes } from 'node:crypto'
import { mkdirSync, readlinkSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Context } from '@temporalio/activity'
import type { Client } from '@temporalio/client'
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker'
import type { ErrorType } from '../model/errors.ts'
import { stateDir } from './paths.ts'
import { identify, isAlive } from './processes.ts'

/** A step that a dead worker held begins again after this time. */
const AGAIN = { seconds: 0, nanos: 200_000_000 }
const TYPE: ErrorType = 'Transient'

/**
 * The steps a worker works at, written down in `.isthmus/held/<machine>,<pid>,<start>/`, one file with the task's token each. When
 * the worker is killed, the next one on this machine tells Temporal, which then need not wait for the heartbeat's time-out.
 * Only a shortcut: a token that is no longer valid changes nothing, and without the files the time-out does the same.
 */
export class HeldTasks {
  readonly #dir: string
  #size = 0

  private constructor(dir: string) {
    this.#dir = dir
  }

  static async open(projectDir: string): Promise<HeldTasks> {
    const { pid, started } = await identify(process.pid)
    const dir = join(heldDir(projectDir), [machine(), pid, started.replace(/\W/g, '_')].join(','))
    quietly(() => mkdirSync(dir, { recursive: true, mode: 0o700 }))
    return new HeldTasks(dir)
  }

  /** Steps under way. */
  get size(): number {
    return this.#size
  }

  /** Writes down each activity while it runs. */
  interceptor(context: Context): { inbound: ActivityInboundCallsInterceptor } {
    const token = context.info.base64TaskToken
    return {
      inbound: {
        execute: async (input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> => {
          const file = join(this.#dir, randomBytes(8).toString('hex'))
          this.#size += 1
          quietly(() => writeFileSync(file, token, { mode: 0o600 }))
          try {
            return await next(input)
          } finally {
            this.#size -= 1
            quietly(() => rmSync(file, { force: true }))
          }
        },
      },
    }
  }

  /** What is abandoned by a drain stays written down: it ends with the process. */
  close(): void {
    quietly(() => rmdirSync(this.#dir))
  }
}

/**
 * Tells Temporal of the steps that dead workers of this project on this machine held: each is begun again at once.
 * @returns how many Temporal took; those it had given to others meanwhile do not count.
 */
export async function reportDead(projectDir: string, client: Client): Promise<number> {
  let taken = 0
  for (const name of await readdir(heldDir(projectDir)).catch(() => [])) {
    const [where, pid, started = ''] = name.split(',')
    if (where !== machine() || (await isRunning(Number(pid), started))) continue
    const dir = join(heldDir(projectDir), name)
    for (const file of await readdir(dir).catch(() => [])) {
      const token = Buffer.from(await readFile(join(dir, file), 'utf8').catch(() => ''), 'base64')
      if (token.length > 0 && (await fail(client, token))) taken += 1
    }
    await rm(dir, { recursive: true, force: true })
  }
  return taken
}

async function fail(client: Client, taskToken: Uint8Array): Promise<boolean> {
  const message = 'The worker was killed or crashed while it worked at this'
  try {
    await client.workflowService.respondActivityTaskFailed({
      namespace: client.options.namespace, taskToken, identity: client.options.identity,
      failure: { message, source: 'Isthmus', applicationFailureInfo: { type: TYPE, nonRetryable: false, nextRetryDelay: AGAIN as never } },
    })
    return true
  } catch {
    return false
  }
}

async function isRunning(pid: number, started: string): Promise<boolean> {
  const now = await identify(pid)
  return now.started.replace(/\W/g, '_') === started && isAlive(now)
}

function heldDir(projectDir: string): string {
  return join(stateDir(projectDir), 'held')
}

/** Numbers of processes mean something only within one machine, and there within one container. */
function machine(): string {
  let space = ''
  try {
    space = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')
  } catch {
    // Not Linux: no containers of its own.
  }
  return `${hostname().replace(/[^\w.-]/g, '_')}${space && `.${space}`}`
}

function quietly(run: () => void): void {
  try {
    run()
  } catch {
    // A full disk or a read-only folder, for example: the time-out of the heartbeat remains.
  }
}
