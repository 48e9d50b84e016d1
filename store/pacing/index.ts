import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import type { Closed, Pacer, PacerOptions, Permit } from '../../model/pacer.ts'
import { waitSignal } from '../../model/signals.ts'
import { pgError } from '../postgres.ts'
import { Account } from './account.ts'
import { createListener } from './listener.ts'
import type { Waiter } from './turns.ts'

export interface Pacers {
  open(options: PacerOptions): Pacer
  close(): Promise<void>
}

/** The accounts this process sends requests to: one queue for each, shared by all that use it. */
export function createPacers(pool: pg.Pool, url: string, onClosed: (account: string, opening: number) => Promise<void>): Pacers {
  const id = randomUUID()
  const accounts = new Map<string, { name: string; account: Account }>()
  const listener = createListener(url, id, (told) => {
    for (const { name, account } of accounts.values()) if (told === name || told === '') account.poke()
  })
  const accountOf = ({ account: name, limits, concurrency }: PacerOptions): Account => {
    const key = JSON.stringify([name, concurrency, ...limits.map((l) => [l.requests, l.ms])])
    let found = accounts.get(key)
    if (!found) {
      // Other limits of the same account are another participant: the database holds all to the tightest.
      const process = accounts.size === 0 ? id : `${id}/${accounts.size}`
      found = { name, account: new Account({ pool, account: name, process, limits, concurrency, onClosed: (opening) => void onClosed(name, opening).catch(() => undefined) }) }
      accounts.set(key, found)
      listener.start()
    }
    return found.account
  }
  return {
    open: (options) => view(() => accountOf(options), options),
    async close() {
      await Promise.all([...accounts.values()].map((a) => a.account.close()))
      if (accounts.size > 0) await pool.query('delete from isthmus.account_processes where process = $1 or process like $2', [id, `${id}/%`]).catch(() => undefined)
      await listener.close()
    },
  }
}

function view(account: () => Account, { account: name, stream, priority }: PacerOptions): Pacer {
  return {
    closed: () => account().closed(),
    enter: (signal) =>
      new Promise<Permit | Closed>((resolve, reject) => {
        if (signal.aborted) return reject(abortError(signal))
        const one = account()
        const onAbort = (): void => {
          if (one.leave(waiter)) reject(abortError(signal))
        }
        const waiter: Waiter = {
          stream, priority, since: performance.now(),
          settle(result) {
            signal.removeEventListener('abort', onAbort)
            waitSignal.tell({ connection: name, reason: 'pacing', ms: performance.now() - waiter.since })
            resolve(result)
          },
          fail(error) {
            signal.removeEventListener('abort', onAbort)
            reject(pgError(error, 'The database of Isthmus') as Error)
          },
        }
        signal.addEventListener('abort', onAbort, { once: true })
        one.enter(waiter)
      }),
  }
}

function abortError(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  return reason instanceof Error && reason.name === 'AbortError' ? reason : new DOMException('The operation was aborted', { name: 'AbortError', cause: reason } as never)
}
