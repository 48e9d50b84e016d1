import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { IsthmusError } from '../model/errors.ts'
import { checkWorkers } from '../workers/temporal-check.ts'

const LOOK_MS = 10_000
/** A call that is given up gets so long to end; one that is tried again on a closed connection would throw. */
const END_MS = 2_000

/**
 * Waits for what a workflow answers to an order, for as long as it takes and workers run: Temporal itself would wait without a word for one to come.
 * Throws Transient when none runs.
 */
export async function answered<R>(client: Pick<Client, 'workflowService' | 'options' | 'withDeadline' | 'withAbortSignal'>, give: () => Promise<R>, lookMs = LOOK_MS): Promise<R> {
  const abort = new AbortController()
  const order = client.withAbortSignal(abort.signal, give)
  const within = (ms: number) => Promise.race([order.then((answer) => ({ answer })), sleep(ms, null, { ref: false })])
  for (;;) {
    const done = await within(lookMs)
    if (done) return done.answer
    // A server that cannot be asked ends the order by itself.
    const { workers } = await checkWorkers(client).catch(() => ({ workers: 1 }))
    if (workers > 0) continue
    abort.abort()
    await within(END_MS).catch(() => null)
    throw new IsthmusError('Transient', 'no worker runs, so nobody has taken the order', { cure: 'start one (isthmus worker or isthmus dev), and look how it stands before you give the order again: it may be taken then' })
  }
}
