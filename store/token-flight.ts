import { setTimeout as sleep } from 'node:timers/promises'
import { IsthmusError } from '../model/errors.ts'
import type { Token, TokenRefresh } from '../model/ports.ts'
import { CallbackError } from './callback-error.ts'
import { pgError } from './postgres.ts'
import { claim, type TokenDeps, type Use } from './token-claim.ts'
import { keep, lose, takeBack } from './token-settle.ts'

/** Longest wait for the refresh of another process. */
const MAX_WAIT_MS = 120_000
/** A new pair exists nowhere else: a database that is away for less than this does not lose it. */
const KEEP_TRYING_MS = 300_000
const TELL_TRYING_MS = 10_000

/** Gets a token above `floor`: waits for the process that is at it, or does it. No connection of the pool is held meanwhile. */
export async function fly(deps: TokenDeps, connection: string, floor: number, refresh: TokenRefresh): Promise<{ token: Token; refreshed: boolean }> {
  const began = performance.now()
  for (let pause = 20; ; pause = Math.min(pause * 1.5, 250)) {
    const claimed = await claim(deps, connection, floor, refresh)
    switch (claimed.kind) {
      case 'token':
        return { token: claimed.token, refreshed: false }
      case 'reconnect':
        throw new CallbackError(refresh.reconnect(claimed.reason))
      case 'go':
        return exchange(deps, claimed.use, refresh)
      case 'wait':
        if (performance.now() - began > MAX_WAIT_MS) throw new IsthmusError('Transient', `another process has not come to an end with the token of ${connection.slice(0, connection.lastIndexOf('/'))}`)
        await sleep(pause)
    }
  }
}

async function exchange(deps: TokenDeps, use: Use, refresh: TokenRefresh): Promise<{ token: Token; refreshed: boolean }> {
  const sign = () => deps.pool.query('update isthmus.tokens set use_seen_at = clock_timestamp() where connection = $1 and use_id = $2', [use.connection, use.id])
  const beat = setInterval(() => void sign().catch(() => undefined), deps.silenceMs / 10)
  try {
    const issuedAt = new Date()
    let got: Omit<Token, 'version'>
    try {
      got = await refresh.fetch(use.current)
    } catch (error) {
      return { token: await failed(deps, use, refresh, error), refreshed: false }
    }
    const token = await insist(() => keep(deps, use, { ...got, issuedAt }, refresh), KEEP_TRYING_MS)
    return { token, refreshed: true }
  } finally {
    clearInterval(beat)
  }
}

/** Throws what the callers are told; gives a token when somebody else has stored one. */
async function failed(deps: TokenDeps, use: Use, refresh: TokenRefresh, error: unknown): Promise<Token> {
  const verdict = use.presented === null ? 'unused' : refresh.verdict(error)
  if (verdict === 'unused' || (verdict === 'unclear' && use.rotates === false)) {
    // Where that fails, the note stands, and its refresh token is not presented again: the safe side.
    await insist(() => takeBack(deps, use), TELL_TRYING_MS).catch(() => undefined)
    throw new CallbackError(error)
  }
  const text = error instanceof Error ? error.message : 'unknown'
  const reason = verdict === 'refused' ? text : `the exchange of the refresh token got no usable answer (${text}): the token may be used up and is not sent again`
  const newer = await insist(() => lose(deps, use, reason, refresh), TELL_TRYING_MS).catch(() => null)
  if (newer) return newer
  throw new CallbackError(refresh.reconnect(reason))
}

/** Repeats what must be written while the database cannot be reached. */
async function insist<R>(body: () => Promise<R>, forMs: number): Promise<R> {
  const began = performance.now()
  for (let pause = 100; ; pause = Math.min(pause * 2, 2_000)) {
    try {
      return await body()
    } catch (error) {
      const known = pgError(error, 'The database of Isthmus')
      const passes = known instanceof IsthmusError && (known.type === 'Transient' || known.type === 'Unreachable')
      if (!passes || performance.now() - began > forMs) throw error
      await sleep(pause)
    }
  }
}
