import { IsthmusError } from '../model/errors.ts'
import type { Store } from '../model/ports.ts'
import type { RunHandle } from './handle.ts'

interface Syncs {
  get(id: string): Promise<RunHandle>
  retry(id: string, options: { streams: string[] }): Promise<string[]>
}

/** Open runs that are looked through. */
const RUNS = 1_000

/** Sends the streams on that wait because a connection could not sign in. Gives `run/stream` of each; one that cannot go on yet stays where it is. */
export async function resumeParked(syncs: Syncs, store: Store, connection: string): Promise<string[]> {
  const resumed: string[] = []
  for (const summary of await store.listRuns({ limit: RUNS })) {
    if (summary.outcome !== 'running') continue
    const phases = await store.progress(summary.run)
    if (!phases.some((p) => p.phase === 'parked')) continue
    const { streams } = await store.getPlan((await store.planOf(summary.run)) ?? '').catch(() => ({ streams: [] }))
    const mine = streams.filter((s) => s.connection === connection || (s.destination.kind === 'action' && s.destination.connection === connection)).map((s) => s.name)
    const waiting = await waitingForSignIn(await syncs.get(summary.run), mine)
    if (waiting.length === 0) continue
    await syncs.retry(summary.run, { streams: waiting }).then(
      (names) => resumed.push(...names.map((name) => `${summary.run}/${name}`)),
      (error: unknown) => {
        if (!(error instanceof IsthmusError)) throw error
      },
    )
  }
  return resumed
}

async function waitingForSignIn(handle: RunHandle, names: string[]): Promise<string[]> {
  const parked = await Promise.all((await handle.live()).filter((p) => p.phase === 'parked' && names.includes(p.stream)).map(async (p) => ({ name: p.stream, error: await handle.parkedError(p.stream) })))
  return parked.filter((p) => p.error === 'AuthFailed' || p.error === 'MissingEnvironment').map((p) => p.name)
}
