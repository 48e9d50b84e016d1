import { IsthmusError } from '../model/errors.ts'
import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import { isFresh } from './sign-in.ts'
import type { ParkRequest, ParkResult } from './types.ts'

/** Shows a parked stream in the run's live view and log. */
export async function parkStream(deps: ActivityDeps, streams: OpenStreams, request: ParkRequest): Promise<ParkResult> {
  const { run, stream, counts, error, until } = request
  const reason = `${error.field ? `${error.field}: ` : ''}${error.message}${error.cure ? `. Cure: ${error.cure}` : ''}`
  await deps.store.saveProgress(run, { stream, phase: 'parked', counts, wait: { reason, until: until ?? '' } })
  await deps.store.log({ run, stream, level: 'error', message: `parked: ${error.type}: ${reason}${until ? `; tries again at ${until}` : ''}` })
  if (!request.range) await deps.store.noteStream({ kind: 'parked', sync: request.sync, run, stream, error }).catch(() => undefined)
  if (error.type === 'AuthFailed' || error.type === 'PermissionDenied') await noteRefusal(deps, request)
  // After it can be seen: whoever signs in looks for parked streams afterwards, so one of the two sees the other.
  const signedIn = error.type === 'AuthFailed' && request.signIn !== undefined && (await hasSignedIn(deps, streams, request, request.signIn))
  if (signedIn) await deps.store.log({ run, stream, level: 'info', message: 'a person has signed in meanwhile: it goes on' })
  return { signedIn }
}

/** Other errors are told by the calls themselves; these are known only when a new token has not helped. */
async function noteRefusal({ store }: ActivityDeps, { plan, stream, error }: ParkRequest): Promise<void> {
  const planned = (await store.getPlan(plan)).streams.find((s) => s.name === stream)
  if (!planned) return
  const to = planned.destination
  const connection = to.kind === 'action' && error.field.startsWith('to.') ? to.connection : planned.connection
  await store.noteHealth(connection, { lastErrorAt: new Date(), lastErrorType: error.type, lastErrorMessage: error.message }).catch(() => undefined)
}

/** There is another token by now than the one that was of no use. A stream takes its time to stop: what is under way is delivered first. */
async function hasSignedIn(deps: ActivityDeps, streams: OpenStreams, request: ParkRequest, { seen, of }: NonNullable<ParkRequest['signIn']>): Promise<boolean> {
  try {
    const open = await streams.openApart(request)
    await open.close()
    const token = await deps.store.getToken((of && open.account ? open.account : open).tokenKey)
    return isFresh(token) && token.version !== seen
  } catch (error) {
    if (error instanceof IsthmusError) return false
    throw error
  }
}
