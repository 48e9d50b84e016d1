import { tableName } from '../model/table-name.ts'
import { beginRun, unbeginRun } from './begin.ts'
import { OpenStreams } from './context.ts'
import { completeStream } from './complete.ts'
import type { ActivityDeps } from './deps.ts'
import { finishRun } from './finish.ts'
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
import type { Activities } from './types.ts'

export { openDeps, stageDir } from './deps.ts'
export type { ActivityDeps, DepsOptions } from './deps.ts'
export type * from './types.ts'
export type * from './repair/types.ts'

/** The activities of a worker: thin, they call the folders below. */
export function createActivities(deps: ActivityDeps): Activities & RepairActivities {
  const streams = new OpenStreams(deps)
  return {
    begin: (request) => step(() => beginRun(deps, request)),
    begun: ({ run, temporalRunId }) => step(() => deps.store.setTemporalRun(run, temporalRunId)),
    unbegin: (request) => step(() => unbeginRun(deps, request)),
    prepare: (target) => step(() => prepareStream(deps, streams, target)),
    authenticate: (request) =>
      step(async ({ signal }) => {
        const open = await streams.get(request)
        const account = request.of === 'destination' && open.account ? open.account : open
        const { token, refreshed } = await signIn(deps.store, account, request.seen, request, signal, deps.owner)
        if (refreshed) await deps.store.log({ run: request.run, stream: request.stream, level: 'info', message: `signed in to ${account === open ? open.stream.connection : tableName(open.stream)}: token version ${token.version}${token.expiresAt ? `, valid until ${token.expiresAt.toISOString()}` : ''}` })
        return { version: token.version, expiresAt: token.expiresAt?.toISOString() ?? null, refreshed }
      }),
    refresh: (request) => step(({ signal }) => refreshToken(deps, streams, request, signal)),
    page: (request) => step((context) => readChunk(deps, streams, request, context)),
    map: (request) => step((context) => mapChunk(deps, streams, request, context)),
    post: (request) => step((context) => postChunk(deps, streams, request, context)),
    park: (request) => step(() => parkStream(deps, streams, request)),
    pause: (request) => step(() => pauseStream(deps, request)),
    complete: (request) => step((context) => completeStream(deps, streams, request, context)),
    finish: (request) => step(() => finishRun(deps, streams, request)),
    ...repairActivities(deps),
  }
}
