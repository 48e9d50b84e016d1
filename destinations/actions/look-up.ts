import type { Action } from '../../model/action.ts'
import type { ErrorType } from '../../model/errors.ts'
import type { Permit } from '../../model/pacer.ts'
import type { PageStop } from '../../model/run.ts'
import type { Source } from '../../model/source.ts'
import { abortError } from '../../protocols/http/index.ts'
import { createFinder, settleMs, tells } from './finder.ts'
import type { Item } from './item.ts'
import { createListener, type Listen } from './listener.ts'
import { refused, type Target } from './target.ts'
import { RefusedRecord } from './template.ts'

/** What looking up items came to. */
export interface Looked {
  /** They are there: delivered. */
  there: { item: Item; remoteId: string | null }[]
  stop: PageStop | null
  /** No answer for now. */
  failed: { type: ErrorType; reason: string } | null
  /** The look-up can be trusted from this moment on (epoch ms). */
  dueMs: number
}

/** Finds out what became of requests without an answer. */
export class LookUp {
  readonly #action: Action
  readonly #key: string[]
  readonly #target: Target
  readonly #find: ReturnType<typeof createFinder>
  readonly #listen: Listen

  constructor(source: Source, action: Action, key: string[], target: Target) {
    this.#action = action
    this.#key = key
    this.#target = target
    this.#find = createFinder(action.lookup!, action.lookup!.soap !== null || action.format.kind === 'xml')
    this.#listen = createListener(source, action, target.account.connection, action.lookup!.soap?.operation ?? null)
  }

  /** Looks up one after the other. An item that is not there is no longer unclear; one that a look-up says nothing about stays as it is. */
  async look(items: Item[], signal: AbortSignal): Promise<Looked> {
    const looked: Looked = { there: [], stop: null, failed: null, dueMs: 0 }
    const asked = items.filter((item) => tells(this.#action, this.#key, item))
    const left = Math.max(0, ...asked.map((item) => item.begunMs + settleMs(this.#action.lookup!) - performance.now()))
    if (left > 0) return { ...looked, dueMs: Date.now() + left }
    for (const item of asked) {
      const permit = await this.#target.enter(signal)
      if ('stop' in permit) return { ...looked, stop: permit.stop }
      if (!(await this.#one(item, permit, looked, signal))) return looked
    }
    return looked
  }

  /** Gives whether looking up goes on. */
  async #one(item: Item, permit: Permit, looked: Looked, signal: AbortSignal): Promise<boolean> {
    const field = 'to.action.lookup'
    let request
    let token
    try {
      token = await this.#target.token()
      request = await this.#target.requests.look(item.row, token)
    } catch (error) {
      await permit.release({ kind: 'unused' })
      if (error instanceof RefusedRecord) return true
      throw error
    }
    const sent = await this.#target.send(request, token, this.#listen, permit, signal)
    if (signal.aborted) throw abortError(signal)
    if (sent.kind === 'stop') looked.stop = sent.stop
    else if (sent.kind !== 'answer') looked.failed = sent
    else {
      const found = this.#find(sent.heard, item.row)
      if (found.kind === 'there') looked.there.push({ item, remoteId: found.remoteId })
      else if (found.kind === 'absent') item.unclear = false
      else if (found.kind === 'contract') looked.stop = refused('Contract', `${sent.name}: ${found.reason}`, `${field}.records`, 'correct `records` of the look-up')
      else {
        const { verdict } = found
        const reason = 'reason' in verdict ? `${sent.name}: ${verdict.reason}` : sent.name
        if (verdict.kind === 'throttled') looked.failed = { type: 'RateLimited', reason }
        else if (verdict.kind === 'authRequired') {
          looked.stop = sent.token ? { kind: 'authRequired', version: sent.token.version, reason } : refused('AuthFailed', reason, 'to.auth')
        } else if (verdict.kind === 'transient') looked.failed = { type: 'Transient', reason }
        else if (verdict.kind === 'permission') looked.stop = refused('PermissionDenied', reason, field, 'grant these credentials the right to look records up')
        else looked.stop = refused('Contract', reason, field, 'compare the look-up with the documentation of the API')
      }
    }
    return looked.stop === null && looked.failed === null
  }
}
