import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { CallerOptions } from './caller.ts'

export interface CallerResult {
  sent: number
  sentAway: number
  errors: number
  /** How long each interactive call took, from asking to its answer, ms. */
  interactive: number[]
  closedReasons: Record<string, number>
  /** Processor time while it called. */
  cpuMs: number
}

export interface Caller {
  child: ChildProcess
  /** It has begun. */
  ready: Promise<void>
  /** What it counted; null when it was killed. */
  result: Promise<CallerResult | null>
}

/** Starts `caller.ts` as a process of its own. */
export function startCaller(options: CallerOptions): Caller {
  const child = spawn(process.execPath, ['--import', 'jiti/register', fileURLToPath(new URL('./caller.ts', import.meta.url)), JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stderr!.on('data', (d: Buffer) => (stderr += d.toString()))
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout!.on('data', (d: Buffer) => {
      stdout += d.toString()
      if (stdout.startsWith('ready\n')) resolve()
    })
    child.once('exit', (code) => reject(new Error(`the caller ended with ${code}: ${stderr}`)))
  })
  ready.catch(() => undefined)
  const result = once(child, 'close').then(([code]) => {
    if (code === null) return null
    if (code !== 0) throw new Error(`the caller ended with ${code}: ${stderr}`)
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as CallerResult
  })
  result.catch(() => undefined)
  return { child, ready, result }
}
