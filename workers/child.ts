import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, renameSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'

/** How a child ended, in words. */
export function ending(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ? `was ended by ${signal}` : `ended with code ${code}`
}

export interface LoggedChild {
  child: ChildProcess
  pid: number
  /** Resolves when the process has ended, with how. Never rejects. */
  exited: Promise<string>
}

const MAX_LOG = 10 * 1024 * 1024

/** Opens a log to append to (mode 600); one above 10 MiB becomes `<file>.1` first. */
export function openLog(file: string): number {
  try {
    if (statSync(file).size > MAX_LOG) renameSync(file, `${file}.1`)
  } catch {
    // No log yet.
  }
  return openSync(file, 'a', 0o600)
}

/**
 * Starts a server in a session of its own, so that the terminal's Ctrl-C does not reach it, with its output in a file,
 * so that it neither blocks nor dies when this process does.
 */
export async function spawnLogged(
  command: string,
  args: string[],
  options: { log: string; cwd: string; env?: NodeJS.ProcessEnv; uid?: number | undefined; gid?: number | undefined },
): Promise<LoggedChild> {
  const fd = openLog(options.log)
  try {
    const ids = options.uid === undefined ? {} : { uid: options.uid, gid: options.gid! }
    const child = spawn(command, args, {
      cwd: options.cwd, env: options.env ?? process.env, detached: true, windowsHide: true, stdio: ['ignore', fd, fd], ...ids,
    })
    const exited = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(ending(code, signal)))
      child.once('error', (error) => resolve(error.message))
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    return { child, pid: child.pid!, exited }
  } finally {
    closeSync(fd)
  }
}

/** Sends signals in order, each with its time to work in ms, until the child has ended. */
export async function stopChild(target: Pick<LoggedChild, 'child' | 'exited'>, steps: [NodeJS.Signals, number][]): Promise<void> {
  for (const [signal, ms] of steps) {
    if (target.child.exitCode !== null || target.child.signalCode !== null) return
    target.child.kill(signal)
    if (await within(target.exited, ms)) return
  }
}

/** True when the promise settles within `ms`. */
export async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      promise.then(() => true, () => true),
      new Promise<boolean>((resolve) => { timer = setTimeout(() => resolve(false), ms) }),
    ])
  } finally {
    clearTimeout(timer)
  }
}

/** The last lines of a log, for an error message; '' when there is none. `from` is the byte at which this start began. */
export async function logTail(file: string, from = 0, max = 600): Promise<string> {
  try {
    const handle = await open(file)
    try {
      const { size } = await handle.stat()
      const start = Math.max(from, size - max)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.max(0, size - start)), 0, Math.max(0, size - start), start)
      return buffer.subarray(0, bytesRead).toString('utf8').trim()
    } finally {
      await handle.close()
    }
  } catch {
    return ''
  }
}
