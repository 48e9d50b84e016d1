import { IsthmusError } from '../model/errors.ts'
import type { FreshResult } from '../model/owner.ts'
import type { Store, Token } from '../model/ports.ts'
import { redactor } from '../model/redact/index.ts'
import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import { signIn, type SignInTarget } from './sign-in.ts'
import type { RefreshRequest } from './types.ts'

/** Refreshes a connection's token for its owner, with the credentials of the stream that asked, and keeps the connection's health. Expected failures are told. */
export async function refreshToken(deps: ActivityDeps, streams: OpenStreams, request: RefreshRequest, signal: AbortSignal): Promise<FreshResult> {
  const { connection, tokenKey, seen, ask } = request
  try {
    return await withAccount(streams, request, async (account) => {
      const { token, refreshed } = await signIn(deps.store, account, seen, ask, signal)
      await deps.store.noteHealth(connection, { state: 'ok', reason: '' }).catch(() => undefined)
      return fresh(token, account, refreshed ? `${ask.run}/${ask.stream}` : '')
    })
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error
    const reconnect = error.type === 'AuthFailed' && (await deps.store.reconnectReason(tokenKey)) !== null
    if (reconnect || !request.ahead) await noteFailure(deps.store, connection, error, reconnect)
    if (reconnect) await pauseSchedules(deps, request, error.message)
    const told = { type: error.type, message: redactor.text(error.message), field: error.field ?? '', cure: redactor.text(error.cure ?? '') }
    return reconnect ? { kind: 'reconnect', error: told } : { kind: 'failed', error: told, until: error.until?.toISOString() ?? null }
  }
}

/** The account whose token is asked for: that of the run's open stream, or one opened apart when it has other credentials by now, or the run has ended. */
async function withAccount<R>(streams: OpenStreams, { tokenKey, ask }: RefreshRequest, body: (account: SignInTarget) => Promise<R>): Promise<R> {
  const known = streams.has(ask) ? accountOf(await streams.get(ask), ask.of) : null
  if (known?.tokenKey === tokenKey) return body(known)
  const open = await streams.openApart(ask)
  try {
    const account = accountOf(open, ask.of)
    if (account.tokenKey !== tokenKey) throw new IsthmusError('AuthFailed', 'the credentials are other ones now', { cure: 'run the sync again' })
    return await body(account)
  } finally {
    await open.close()
  }
}

function accountOf(open: SignInTarget & { account: SignInTarget | null }, of: 'source' | 'destination'): SignInTarget {
  return of === 'destination' && open.account ? open.account : open
}

function fresh(token: Token, { reader: { auth } }: SignInTarget, by: string): FreshResult {
  const iso = (at: Date | null | undefined): string | null => at?.toISOString() ?? null
  return { kind: 'fresh', version: token.version, issuedAt: iso(token.issuedAt), expiresAt: iso(token.expiresAt), renewable: auth.presents(token) !== null, for: by }
}

async function noteFailure(store: Pick<Store, 'noteHealth'>, connection: string, error: IsthmusError, reconnect: boolean): Promise<void> {
  const state = reconnect ? { state: 'needsReconnect' as const, reason: error.message } : {}
  await store.noteHealth(connection, { ...state, lastErrorAt: new Date(), lastErrorType: error.type, lastErrorMessage: error.message }).catch(() => undefined)
}

/** Runs that nobody can sign in for are not started; that this could not be said stops nothing. */
async function pauseSchedules({ schedules, store }: ActivityDeps, { connection, ask: { run, stream } }: RefreshRequest, reason: string): Promise<void> {
  try {
    const paused = (await schedules?.pauseFor(connection, reason)) ?? []
    if (paused.length > 0) await store.log({ run, stream, level: 'warn', message: `paused until somebody has signed in to ${connection}: the schedule${paused.length > 1 ? 's' : ''} of ${paused.join(', ')}` })
  } catch (error) {
    await store.log({ run, stream, level: 'warn', message: `the schedules of ${connection} could not be paused: ${error instanceof Error ? error.message : String(error)}` }).catch(() => undefined)
  }
}
