import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Project } from '../support/cli.ts'
import type { Part } from './schedule.ts'

/** The processes of the project's `isthmus dev`. */
export class Parts {
  readonly #file: string
  readonly #killed = new Set<number>()

  constructor(project: Pick<Project, 'dir'>) {
    this.#file = join(project.dir, '.isthmus', 'dev.json')
  }

  /** Number of the process that is a part now; null while it is between two lives. */
  async pid(part: Part): Promise<number | null> {
    try {
      const { children } = JSON.parse(await readFile(this.#file, 'utf8')) as { children: { name: string; pid: number }[] }
      const pid = children.find((c) => c.name === part)?.pid
      return pid === undefined || this.#killed.has(pid) ? null : pid
    } catch {
      return null
    }
  }

  /** Resolves when the part is alive again after a kill. Throws when it stays away for a minute. */
  async back(part: Part): Promise<void> {
    for (const end = Date.now() + 60_000; Date.now() < end; await sleep(10)) if ((await this.pid(part)) !== null) return
    throw new Error(`${part} was not started again within a minute`)
  }

  /** SIGKILL, as soon as it is alive. Throws when it stays away for a minute. */
  async kill(part: Part): Promise<void> {
    for (const end = Date.now() + 60_000; Date.now() < end; await sleep(10)) {
      const pid = await this.pid(part)
      if (pid === null) continue
      this.#killed.add(pid)
      try {
        process.kill(pid, 'SIGKILL')
        return
      } catch {
        // It died by itself meanwhile: wait for the next one.
      }
    }
    throw new Error(`${part} was not started again within a minute`)
  }
}
