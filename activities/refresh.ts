import { IsthmusError } from '../model/errors.ts'
import type { FreshRequest, FreshResult } from '../model/owner.ts'
import { redactor } from '../model/redact/index.ts'
import type { OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import { signIn } from './sign-in.ts'

/** Refreshes a connection's token for its owner, with the credentials of the stream that asked, and keeps the connection's health. Expected failures are told. */
export async function refreshToken(deps: ActivityDeps, streams: OpenStreams, request: FreshRequest & { connection: string }, signal: AbortSignal): Promise<FreshResult> {
  const { connection, tokenKey, seen, ask } = request
  const now = (): Date => new Date()
  try {
    const accountOf = async (round: number) => {
      const open = await streams.get({ ...ask, round })
      return ask.of === 'destination' && open.account ? open.account : open
    }
    let account = await accountOf(ask.round)
    // Opened before the credentials were exchanged: opened once more, beside what others still work with.
    if (account.tokenKey !== tokenKey) account = await accountOf(-Date.now())
    if (account.tokenKey !== tokenKey) throw new IsthmusError('AuthFailed', 'the credentials are other ones now', { cure: 'run the sync again' })
    const { token, refreshed } = await signIn(deps.store, account, seen, ask, signal)
    await deps.store.noteHealth(connection, { state: 'ok', reason: '' }).catch(() => undefined)
    return { kind: 'fresh', version: token.version, expiresAt: token.expiresAt?.toISOString() ?? null, for: refreshed ? `${ask.run}/${ask.stream}` : '' }
  } catch (error) {
    if (!(error instanceof IsthmusError)) throw error
    const told = { type: error.type, message: redactor.text(error.message), field: error.field ?? '', cure: redactor.text(error.cure ?? '') }
    const reconnect = error.type === 'AuthFailed' && (await deps.store.reconnectReason(tokenKey)) !== null
    await deps.store.noteHealth(connection, { ...(reconnect && { state: 'needsReconnect' as const, reason: error.message }), lastErrorAt: now(), lastErrorType: error.type, lastErrorMessage: error.message }).catch(() => undefined)
    return reconnect ? { kind: 'reconnect', error: told } : { kind: 'failed', error: told, until: error.until?.toISOString() ?? null }
  }
}
