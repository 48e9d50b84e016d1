import { setTimeout as sleep } from 'node:timers/promises'
import type { ChaosOptions } from './options.ts'
import type { Parts } from './parts.ts'
import type { Progress } from './progress.ts'
import type { Kill, Part, Schedule } from './schedule.ts'
import type { Source } from './source.ts'

/** A post that does not come is not waited for longer than until so many pages later. */
const POST_PAGES = 6

/** The API is so slow, in ms an answer, while Temporal or PostgreSQL is away: reading goes on without them, and pages would run out. */
const BRAKE_MS = 1_000

export interface Injected {
  /** SIGKILLs, by part. */
  kills: Record<string, number>
  /** Of these, with rows being loaded. */
  whilePosting: number
  /** From each kill to the next page that the API served, in ms. */
  recoveries: number[]
}

/** Kills at the scheduled moments, each after a page that came since the kill before; `done` is filled meanwhile. */
export async function injectKills(o: ChaosOptions, kills: Kill[], parts: Parts, source: Source, progress: Progress, say: (text: string) => void, done: Injected): Promise<void> {
  let before: { at: number; part: Part } | null = null
  for (const kill of kills) {
    if (before) {
      await parts.back(before.part)
      if (before.part !== 'worker') await source.configure({ latencyMs: o.latency })
      await progress.reach((await progress.pages()) + 1)
      done.recoveries.push(Date.now() - before.at)
      say(`        next page after ${Date.now() - before.at} ms`)
    }
    const posting = kill.when === 'post' && (await progress.posting(kill.page + POST_PAGES))
    const pages = posting ? await progress.pages() : await progress.reach(kill.page)
    await parts.kill(kill.part)
    if (kill.part !== 'worker') await source.configure({ latencyMs: BRAKE_MS })
    before = { at: Date.now(), part: kill.part }
    done.kills[kill.part] = (done.kills[kill.part] ?? 0) + 1
    if (posting) done.whilePosting += 1
    say(`${String(pages).padStart(6)} pages: SIGKILL ${kill.part}${posting ? ' while it posts' : ''}`)
  }
  if (before) await parts.back(before.part)
  await source.configure({ latencyMs: o.latency })
}

/** Changes records at the source while they are read. */
export async function moveRecords(schedule: Schedule, source: Source, progress: Progress, say: (text: string) => void): Promise<void> {
  for (const page of schedule.moves) {
    const pages = await progress.reach(page)
    await source.mutate({ collection: 'transactions', touch: 40, append: 15 })
    say(`${String(pages).padStart(6)} pages: 40 records changed, 15 new`)
    await sleep(0)
  }
}
