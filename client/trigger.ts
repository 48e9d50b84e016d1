import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { IsthmusError } from '../model/errors.ts'
import type { TriggerClaim, TriggerStore } from '../model/triggers.ts'
import { MayHaveBegun } from './begun.ts'
import { newRunId } from './ids.ts'
import { patient } from '../workers/patience.ts'

const RENEW_MS = 5_000
const POLL_MS = 150
const LONGEST = 200

export interface Trigger<R> {
  /** Id of the sync, with its tenant. */
  sync: string
  key: string
  /** What is asked for, beside the sync: another thing under the same key is refused. */
  request: unknown
  signal?: AbortSignal | undefined
  /** Starts the run of this id. A run that it gives may have another id: then that is what the key stands for. */
  start(run: string): Promise<R>
  /** The run of an earlier call. */
  get(run: string): Promise<R>
  /** The run when an earlier call, which died, has started it; null when it has not. */
  found(run: string): Promise<R | null>
}

/**
 * Starts a run once for each key, over all processes: whoever comes second is given the run of the first, for 24 hours. A call that dies is taken over
 * by the next one. Throws InvalidInput when the key was used for something else, the signal's reason, or what `start` throws; then the key is free again.
 */
export async function triggered<R extends { run: string }>(store: TriggerStore, trigger: Trigger<R>): Promise<R> {
  const { sync, key, signal } = trigger
  if (key === '' || key.length > LONGEST) throw new IsthmusError('InvalidInput', `an idempotency key has 1 to ${LONGEST} characters`, { field: 'idempotencyKey', cure: 'use an id of what happened, or a UUID' })
  const claim: TriggerClaim = { sync, key: print(key), request: print(JSON.stringify(trigger.request)), run: newRunId(), owner: randomUUID() }
  for (;;) {
    const state = await store.claimTrigger(claim)
    switch (state.kind) {
      case 'other':
        throw new IsthmusError('InvalidInput', 'this idempotency key was used for another request', { field: 'idempotencyKey', cure: 'use a new key for each thing that happens' })
      case 'started':
        return trigger.get(state.run)
      case 'mine':
        return startClaimed(store, claim, trigger, state)
      case 'busy':
        await sleep(POLL_MS, undefined, { signal })
    }
  }
}

async function startClaimed<R extends { run: string }>(store: TriggerStore, claim: TriggerClaim, trigger: Trigger<R>, { run, again }: { run: string; again: boolean }): Promise<R> {
  const renewal = setInterval(() => void store.keepTrigger(claim).catch(() => undefined), RENEW_MS).unref()
  try {
    let started: R
    try {
      started = (again ? await trigger.found(run) : null) ?? (await trigger.start(run))
    } catch (error) {
      // The next call with this key finds out once the lease is over.
      if (!(error instanceof MayHaveBegun)) await store.dropTrigger(claim).catch(() => undefined)
      throw error
    }
    // It has started: when this cannot be noted, the next call finds it once the lease is over.
    await patient(() => store.settleTrigger(claim, started.run)).catch(() => undefined)
    return started
  } finally {
    clearInterval(renewal)
  }
}

function print(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
