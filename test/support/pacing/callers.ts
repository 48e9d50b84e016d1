import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { CallerOptions } from './caller.ts'

export interface CallerResult {
  sent: number
  /** Calls that were given a moment to come back instead. */
  sentAway: number
  errors: number
  /** How long each interactive call took, from asking to its answer, ms. */
  interactive: number[]
}

export interface Caller {
  pid: number
  run(options: CallerOptions): Promise<CallerResult>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

interface Told {
  id: number
  result?: CallerResult
  error?: string
}

/** Starts `caller.ts` as a process of its own; resolves when it can take jobs. */
export async function startCaller(databaseUrl: string): Promise<Caller> {
  const child = fork(fileURLToPath(new URL('./caller.ts', import.meta.url)), [databaseUrl], { execArgv: ['--import', 'jiti/register'] })
  const open = new Map<number, (told: Told) => void>()
  let ids = 0
  const wait = (id: number): Promise<Told> => new Promise((resolve) => open.set(id, resolve))
  child.on('message', (told: Told) => open.get(told.id)?.(told))
  child.on('exit', () => open.forEach((settle, id) => settle({ id, error: 'the caller is gone' })))
  const { error } = await wait(0)
  if (error) throw new Error(error)
  return {
    pid: child.pid!,
    async run(options) {
      const id = ++ids
      child.send({ id, options })
      const told = await wait(id)
      if (!told.result) throw new Error(told.error)
      return told.result
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
