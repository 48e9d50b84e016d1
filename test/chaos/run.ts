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
import { startProxy, type FaultProxy, type ProxyFaultKind } from '../../simulator/proxy/index.ts'
import { startSource, type Source } from './source.ts'
import { syncFile } from './sync.ts'

export type Say = (text: string) => void

/** Runs one sync under the faults of `options` and compares what arrived with what there was. */
export async function runChaos(o: ChaosOptions, say: Say): Promise<ChaosResult> {
  const schedule = scheduleOf(o)
  say(describe(schedule))
  const api = o.target === 'api' || o.target === 'all'
  const project = await makeProject({ 'syncs/chaos.ts': syncFile(o, { auth: api, ownDatabase: schedule.database > 0 }) })
  let source: Source | null = null
  const proxies: FaultProxy[] = []
  try {
    source = await startSource(project, o, api ? ['--auth', 'oauth', '--expire-token-after', '60', '--slow', '1s'] : [])
    const dev = await project.dev()
    const expireCursors = schedule.expireCursorsAt === null ? null : { atRequest: schedule.expireCursorsAt, status: ([400, 404, 410, 422] as const)[o.seed & 3]! }
    await source.configure({ faultAt: schedule.faultAt, expireCursors })
    const network = await proxied(schedule, o, source, dev.databaseUrl, proxies)
    const progress = new Progress(source, dev)
    const began = Date.now()
    const running = project.isthmus(['run', 'chaos', '--json'], { ...network, CHAOS_SECRET: 'sim-client-secret' }).finally(() => progress.end())
    const errors: string[] = []
    const failed = (error: unknown) => void errors.push(error instanceof Error ? error.message : String(error))
    const injected: Injected = { kills: {}, whilePosting: 0, recoveries: [] }
    await Promise.all([
      injectKills(o, schedule.kills, new Parts(project), source, progress, say, injected).catch(failed),
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
      options: o, injected, kinds: kindsOf(injected, stats.faults, proxies), verdict, stats, pages: pagesOf(o), bound: boundOf(o, schedule), staleWrites: await staleWrites(dev), seconds,
      outcome: outcomeOf(ran), errors,
    })
  } finally {
    await project.close()
    await source?.stop()
    for (const proxy of proxies) await proxy.close()
  }
}

/** Addresses of API and destination, with proxies before them that spoil some connections. */
async function proxied(s: Schedule, o: ChaosOptions, source: Source, databaseUrl: string, proxies: FaultProxy[]): Promise<Record<string, string>> {
  const url = new URL(databaseUrl)
  // Not `late`: it ends no connection, and the next one to be spoilt might never be opened.
  const kinds: ProxyFaultKind[] = ['reset', 'cut', 'stall']
  const database = { seed: o.seed, target: { host: '127.0.0.1', port: Number(url.port) }, faults: s.database, kinds, spare: 4, bytes: [500, 5_000] as [number, number], stallMs: 3_000 }
  proxies.push(await startProxy({ target: { host: '127.0.0.1', port: source.port }, seed: o.seed, faults: s.proxied, kinds, bytes: [1_000, 60_000] }), await startProxy(database))
  url.port = String(proxies[1]!.port)
  return { CHAOS_URL: `http://127.0.0.1:${proxies[0]!.port}`, CHAOS_DB: url.href }
}

function kindsOf(injected: Injected, faults: Record<string, number>, [api, database]: FaultProxy[]): Record<string, number> {
  const named = (name: string, fired: Record<string, number>) => Object.fromEntries(Object.entries(fired).map(([kind, n]) => [`${name} ${kind}`, n]))
  return { ...injected.kills, ...faults, ...named('api connection', api!.fired()), ...named('database connection', database!.fired()) }
}

/** Pages that faults may repeat: the one under way at each kill, and those asked for ahead when the first one came; those that were lost on the way. */
function boundOf(o: ChaosOptions, s: Schedule): number {
  const ahead = o.paging === 'page' || o.paging === 'offset' ? 3 : 1
  const killed = s.kills.length > 0 ? s.kills.length + ahead : 0
  return killed + s.proxied * (1 + ahead) + s.database + (s.expireCursorsAt === null ? 0 : 1)
}

export function outcomeOf({ json, code, stderr }: CliResult): string {
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
    ...(s.proxied ? [`schedule: ${s.proxied} connections to the API are spoilt on the way`] : []),
    ...(s.database ? [`schedule: ${s.database} connections to the destination are spoilt on the way`] : []),
  ].join('\n')
}
