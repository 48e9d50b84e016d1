import { tableName } from '../model/table-name.ts'
import { noteBackfill } from './backfill.ts'
import { beginRun, unbeginRun } from './begin.ts'
import { OpenStreams } from './context.ts'
import { completeStream } from './complete.ts'
import type { ActivityDeps } from './deps.ts'
import { Door } from './door.ts'
import { finishRun } from './finish.ts'
import { Lanes } from './lanes.ts'
import { mapChunk } from './map.ts'
import { readChunk } from './page.ts'
import { refreshToken } from './refresh.ts'
import { parkStream } from './park.ts'
import { pauseStream } from './pause.ts'
import { postChunk } from './post.ts'
import { prepareStream } from './prepare.ts'
import { repairActivities } from './repair/index.ts'
import type { RepairActivities } from './repair/types.ts'
import { signIn } from './sign-in.ts'
import { step } from './step.ts'
import { Sweep } from './sweep.ts'
import { telling } from './trouble.ts'
import type { Activities, StreamTarget } from './types.ts'

export { openDeps, stageDir } from './deps.ts'
export type { ActivityDeps, DepsOptions } from './deps.ts'
export type * from './types.ts'
export type * from './repair/types.ts'

/** From the beginning of a scheduled run to its first step it goes through two workflows. */
const BEGIN_MS = 10_000

/** The activities of a worker: thin, they call the folders below. */
export function createActivities(deps: ActivityDeps): Activities & RepairActivities {
  const streams = new OpenStreams(deps)
  const lanes = new Lanes(() => deps.store.runsAtWork())
  const door = new Door()
  const sweep = new Sweep(deps)
  /** A step of a stream: those of backfills give way to those of runs. */
  const inLane = <R>({ range, run }: StreamTarget, signal: AbortSignal, waited: number | null, work: () => Promise<R>): Promise<R> =>
    range ? lanes.giveWay(signal).then(work) : door.work(run, waited, () => lanes.live(work))
  return {
    begin: (request) => step(({ signal }) => door.enter(request.run, signal, BEGIN_MS).then(() => beginRun(deps, request))),
    begun: ({ run, temporalRunId }) => step(() => deps.store.setTemporalRun(run, temporalRunId)),
    unbegin: (request) => step(() => unbeginRun(deps, request)),
    prepare: (target) => step(async (context) => {
      if (!target.range) await door.enter(target.run, context.signal)
      // It waited at the door, which says nothing of the others.
      return inLane(target, context.signal, null, () => telling(deps, { name: 'prepare', seq: null, target }, context, () => prepareStream(deps, streams, target)))
    }),
    authenticate: (request) =>
      step(async ({ signal }) => {
        const open = await streams.get(request)
        const account = request.of === 'destination' && open.account ? open.account : open
        const { token, refreshed } = await signIn(deps.store, account, request.seen, request, signal, deps.owner)
        if (refreshed) await deps.store.log({ run: request.range?.of ?? request.run, stream: request.stream, level: 'info', message: `signed in to ${account === open ? open.stream.connection : tableName(open.stream)}: token version ${token.version}${token.expiresAt ? `, valid until ${token.expiresAt.toISOString()}` : ''}` })
        return { version: token.version, expiresAt: token.expiresAt?.toISOString() ?? null, refreshed }
      }),
    refresh: (request) => step(({ signal }) => refreshToken(deps, streams, request, signal)),
    // Of a backfill each request gives way.
    page: (request) => step((context) => {
      const read = () => telling(deps, { name: 'page', seq: request.seq, target: request }, context, () => readChunk(deps, streams, request, context, lanes))
      return request.range ? read() : inLane(request, context.signal, null, read)
    }),
    map: (request) => step((context) => inLane(request, context.signal, context.waited, () => telling(deps, { name: 'map', seq: request.pages.seq, target: request }, context, () => mapChunk(deps, streams, request, context)))),
    post: (request) => step((context) => inLane(request, context.signal, context.waited, () => telling(deps, { name: 'post', seq: request.rows.seq, target: request }, context, () => postChunk(deps, streams, request, context)))),
    park: (request) => step(() => parkStream(deps, streams, request)),
    pause: (request) => step(() => pauseStream(deps, request)),
    // Backfills wait for places of their own, which says nothing of those of runs.
    complete: (request) => step((context) => {
      const complete = () => telling(deps, { name: 'complete', seq: null, target: request }, context, () => completeStream(deps, streams, request, context))
      return request.range ? complete() : door.work(request.run, context.waited, complete)
    }),
    noteBackfill: (request) => step(() => noteBackfill(deps, streams, request)),
    finish: (request) => step(() => finishRun(deps, streams, sweep, request)),
    ...repairActivities(deps),
  }
}
