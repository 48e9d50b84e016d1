import { setTimeout as sleep } from 'node:timers/promises'
import { makeProject, type CliResult } from '../support/cli.ts'
import { staleWrites, watchCheckpoints } from './audit.ts'
import { injectKills, moveRecords, type Injected } from './inject.ts'
import { compare, expected, found } from './oracle.ts'
import type { ChaosOptions } from './options.ts'
import { Parts } from './parts.ts'
import { Progress } from './progress.ts'
import { resultOf, type ChaosResult } from './result.ts'
import { pagesOf, scheduleOf, type Schedule } from './schedule.ts'
import { startSource, type Source } from './source.ts'
import { syncFile } from './sync.ts'

export type Say = (text: string) => void

/** Runs one sync under the faults of `options` and compares what arrived with what there was. */
export async function runChaos(o: ChaosOptions, say: Say): Promise<ChaosResult> {
  const schedule = scheduleOf(o)
  say(describe(schedule))
  const api = o.target === 'api' || o.target === 'all'
  const project = await makeProject({ 'syncs/chaos.ts': syncFile(o, { auth: api, ownDatabase: false }) })
  let source: Source | null = null
  try {
    source = await startSource(project, o, api ? ['--auth', 'oauth', '--expire-token-after', '60', '--slow', '1s'] : [])
    const dev = await project.dev()
    await source.configure({ faultAt: schedule.faultAt })
    const progress = new Progress(source, dev)
    const began = Date.now()
    const running = project.isthmus(['run', 'chaos', '--json'], { CHAOS_URL: source.url, CHAOS_SECRET: 'sim-client-secret' }).finally(() => progress.end())
    const errors: string[] = []
    const failed = (error: unknown) => void errors.push(error instanceof Error ? error.message : String(error))
    const injected: Injected = { kills: {}, whilePosting: 0, recoveries: [] }
    await Promise.all([
      injectKills(schedule.kills, new Parts(project), progress, say, injected).catch(failed),
      moveRecords(schedule, source, progress, say).catch(failed),
      // The table exists once the stream was taken hold of.
      outlasting(() => watchCheckpoints(dev)),
    ])
    const ran = await running
    const seconds = (Date.now() - began) / 1000
    if (ran.stderr) say(ran.stderr.trimEnd().split('\n').slice(-12).join('\n'))
    const stats = await source.stats()
    const verdict = compare(expected(source), await outlasting(() => found(dev)))
    return resultOf({
      options: o, injected, kinds: { ...injected.kills, ...stats.faults }, verdict, stats, pages: pagesOf(o), bound: boundOf(o, schedule), staleWrites: await staleWrites(dev), seconds,
      outcome: outcomeOf(ran), errors,
    })
  } finally {
    await project.close()
    await source?.stop()
  }
}

/** Pages that a kill may repeat: the one under way each time, and those asked for ahead when the first one came. */
function boundOf(o: ChaosOptions, schedule: Schedule): number {
  const ahead = o.paging === 'page' || o.paging === 'offset' ? 3 : 1
  return schedule.kills.length + (schedule.kills.length > 0 ? ahead : 0)
}

function outcomeOf({ json, code, stderr }: CliResult): string {
  return (json as { outcome?: string } | null)?.outcome ?? `exit code ${code}: ${stderr.trim().split('\n').at(-1) ?? ''}`
}

/** PostgreSQL may just have been killed. */
async function outlasting<R>(ask: () => Promise<R>): Promise<R> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask()
    } catch (error) {
      if (attempt > 300) throw error
      await sleep(200)
    }
  }
}

function describe(s: Schedule): string {
  return [
    ...s.kills.map((k) => `schedule: page ${k.page}: SIGKILL ${k.part}${k.when === 'post' ? ', with the next post' : ''}`),
    ...Object.entries(s.faultAt).map(([n, kind]) => `schedule: request ${n}: ${kind}`),
    ...(s.expireCursorsAt ? [`schedule: request ${s.expireCursorsAt}: all cursors expire`] : []),
    ...(s.proxied ? [`schedule: ${s.proxied} connections spoilt by the proxy`] : []),
  ].join('\n')
}
