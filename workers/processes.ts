import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const exec = promisify(execFile)

/** What tells a process from another one that later got the same number. */
export interface ProcessIdentity {
  pid: number
  /** Moment of its start, as the system writes it. */
  started: string
}

interface ProcessFacts {
  started: string
  command: string
}

/** Start and command line of a living process; null when there is none, it is a zombie, or the system does not tell (Windows). */
export async function processFacts(pid: number): Promise<ProcessFacts | null> {
  if (!Number.isInteger(pid) || pid <= 0) return null
  if (process.platform === 'linux') {
    try {
      const [stat, command] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/cmdline`, 'utf8')])
      // The name in parentheses may hold anything; the fields after it are fixed: state first, start time 20th.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (fields[0] === 'Z' || fields[0] === 'X') return null
      return { started: fields[19] ?? '', command: command.replaceAll('\0', ' ').trim() }
    } catch {
      return null
    }
  }
  if (process.platform === 'win32') return null
  try {
    const { stdout } = await exec('ps', ['-ww', '-o', 'stat=,lstart=,args=', '-p', String(pid)], { env: { ...process.env, LC_ALL: 'C' } })
    const match = /^\s*(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/s.exec(stdout)
    if (!match || match[1]!.startsWith('Z')) return null
    return { started: match[2]!, command: match[3]!.trim() }
  } catch {
    return null
  }
}

/** Identity of a living process, to be written down. */
export async function identify(pid: number): Promise<ProcessIdentity> {
  return { pid, started: (await processFacts(pid))?.started ?? '' }
}

function signalable(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** True while exactly this process lives. Where the system tells no start time (Windows) the number alone decides. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  const facts = await processFacts(identity.pid)
  if (facts) return identity.started === '' || facts.started === identity.started
  return process.platform === 'win32' && signalable(identity.pid)
}

/**
 * Stops a process that this one may not have started: only when it is still the one written down and its command line
 * holds `marker` (a path of the project). Signals in order, each with its time to work, in ms.
 * @returns false when the process was a foreign one or gone already.
 */
export async function stopVerified(identity: ProcessIdentity, marker: string, steps: [NodeJS.Signals, number][]): Promise<boolean> {
  const facts = await processFacts(identity.pid)
  if (!facts || identity.started === '' || facts.started !== identity.started || !facts.command.includes(marker)) return false
  for (const [signal, ms] of steps) {
    if (!(await isAlive(identity))) return true
    try {
      process.kill(identity.pid, signal)
    } catch {
      return true
    }
    const end = Date.now() + ms
    while (Date.now() < end && (await isAlive(identity))) await sleep(25)
  }
  return true
}
