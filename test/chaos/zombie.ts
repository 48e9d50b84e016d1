import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { makeProject, type Dev } from '../support/cli.ts'
import { staleWrites, watchCheckpoints } from './audit.ts'
import { compare, expected, found } from './oracle.ts'
import type { ChaosOptions } from './options.ts'
import { Parts } from './parts.ts'
import { Progress } from './progress.ts'
import { resultOf, type ChaosResult } from './result.ts'
import { outcomeOf, type Say } from './run.ts'
import { pagesOf } from './schedule.ts'
import { socketOwner } from './sockets.ts'
import { startSource, type Source } from './source.ts'
import { syncFile } from './sync.ts'

/** A stopped worker's work is taken over after its heartbeat's time-out (10 s), what it locked after another 10 s; each poll it had open may take one more task with it. */
const TAKEN_OVER_MS = 150_000
/** What a worker that wakes up does in vain is over by then. */
const AFTERMATH_MS = 2_500

/**
 * Two workers. One is stopped (SIGSTOP) in the middle of a transaction that loads rows, until the other has taken the stream over
 * and committed; then it wakes up (SIGCONT) and goes on with what is no longer its own. As many rounds as `kills`.
 */
export async function runZombies(o: ChaosOptions, say: Say): Promise<ChaosResult> {
  const project = await makeProject({ 'syncs/chaos.ts': syncFile(o, { auth: false, ownDatabase: false }) })
  let source: Source | null = null
  const stopped = new Set<number>()
  try {
    source = await startSource(project, o)
    const dev = await project.dev()
    const second = project.spawn(['worker'], { TEMPORAL_ADDRESS: dev.temporal.address, TEMPORAL_NAMESPACE: dev.temporal.namespace, DATABASE_URL: dev.databaseUrl })
    second.stdout!.resume()
    second.stderr!.resume()
    const progress = new Progress(source, dev)
    const began = Date.now()
    const running = project.isthmus(['run', 'chaos', '--json'], { CHAOS_URL: source.url }).finally(() => progress.end())
    const errors: string[] = []
    let rounds = 0
    try {
      await progress.reach(2)
      await watchCheckpoints(dev)
      for (; rounds < o.kills; rounds += 1) {
        const workers = [(await new Parts(project).pid('worker'))!, second.pid!]
        const zombie = await stopWhilePosting(dev, workers, progress)
        stopped.add(zombie)
        const committed = await commits(dev)
        say(`round ${rounds + 1}: worker ${zombie} stopped while it posts`)
        for (const end = Date.now() + TAKEN_OVER_MS; (await commits(dev)) === committed; await sleep(50)) if (Date.now() > end) throw new Error('nobody took the stream over within 150 s')
        say(`round ${rounds + 1}: the other one has committed; it wakes up`)
        process.kill(zombie, 'SIGCONT')
        stopped.delete(zombie)
        await sleep(AFTERMATH_MS)
      }
    } catch (error) {
      errors.push((error as Error).message)
      for (const pid of stopped) process.kill(pid, 'SIGCONT')
    }
    const ran = await running
    const seconds = (Date.now() - began) / 1000
    say(ran.stderr.trimEnd().split('\n').slice(-10).join('\n'))
    const result = resultOf({
      options: o, injected: { kills: {}, whilePosting: rounds, recoveries: [] }, kinds: { zombie: rounds }, verdict: compare(expected(source), await found(dev)), stats: await source.stats(),
      pages: pagesOf(o), bound: null, staleWrites: await staleWrites(dev), seconds, outcome: outcomeOf(ran), errors,
    })
    second.kill('SIGTERM')
    await once(second, 'exit')
    return result
  } finally {
    for (const pid of stopped) process.kill(pid, 'SIGCONT')
    await project.close()
    await source?.stop()
  }
}

async function commits(dev: Pick<Dev, 'query'>): Promise<number> {
  return Number((await dev.query<{ n: string }>('select count(*) as n from public.chaos_audit'))[0]!.n)
}

/** Holds the table until a post waits for it, stops the worker that posts, and lets go. */
async function stopWhilePosting(dev: Dev, workers: number[], progress: Progress): Promise<number> {
  const holder = new pg.Client({ connectionString: dev.databaseUrl, application_name: 'chaos' })
  await holder.connect()
  try {
    await holder.query('begin')
    await holder.query('lock table chaos in share row exclusive mode')
    for (;;) {
      if (progress.ended) throw new Error('the run ended before the last round')
      const [waiting] = await dev.query<{ port: number }>(`select client_port as port from pg_stat_activity where application_name ~ '^isthmus [0-9a-f]{24}$' and wait_event_type = 'Lock'`)
      const owner = waiting && (await socketOwner(waiting.port, workers))
      if (owner) {
        process.kill(owner, 'SIGSTOP')
        return owner
      }
      await sleep(20)
    }
  } finally {
    await holder.query('rollback').catch(() => {})
    await holder.end()
  }
}
