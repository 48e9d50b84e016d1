import { setTimeout as sleep } from 'node:timers/promises'
import { IsthmusError } from '../model/errors.ts'
import type { Store } from '../model/ports.ts'
import { redactor } from '../model/redact/index.ts'
import type { Phase } from '../model/run.ts'
import type { ActivityDeps } from './deps.ts'
import type { StepContext } from './step.ts'
import type { StreamTarget } from './types.ts'

/** One failed attempt is a blip; the second is news. */
const NEWS_FROM = 2
/** The longest wait between attempts, see workflows/steps.ts. */
const LONGEST_WAIT_MS = 10_000
/** The database may be what is in trouble: then the worker's log alone tells of it. */
const TELL_MS = 1_000

/** Steps that are told of, and what a stream does when one of them has succeeded at last. */
const AFTERWARDS = { prepare: 'starting', page: 'reading', map: 'reading', post: 'posting', complete: 'finishing' } as const satisfies Record<string, Phase>

export interface Tried {
  name: keyof typeof AFTERWARDS
  /** The chunk that the step works on; null when it works on none. */
  seq: number | null
  target: StreamTarget
}

/** Does a step of a stream. One that is tried again and again tells the run so, once and not at each attempt: why, what to do, and that it is over. */
export async function telling<R>({ store, stage }: Pick<ActivityDeps, 'store' | 'stage'>, tried: Tried, { attempt, signal }: Pick<StepContext, 'attempt' | 'signal'>, work: () => Promise<R>): Promise<R> {
  try {
    const result = await work()
    if (attempt > NEWS_FROM) await inTime(tellOver(store, tried, attempt))
    return result
  } catch (thrown) {
    const error = stage.blame(thrown)
    const passing = !(error instanceof IsthmusError) || error.retryable
    if (attempt >= NEWS_FROM && passing && !signal.aborted) await inTime(tell(store, tried, attempt, error))
    throw error
  }
}

async function tell(store: Store, tried: Tried, attempt: number, error: unknown): Promise<void> {
  const { stream, range } = tried.target
  const cure = error instanceof IsthmusError && error.cure !== undefined ? `: ${error.cure}` : ''
  const reason = redactor.text(`${error instanceof Error ? error.message : String(error)}${cure}`)
  const until = new Date(Date.now() + Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** (attempt - 1))).toISOString()
  // Windows of a backfill tell how they stand by their workflows.
  if (!range) await store.saveProgress(tried.target.run, { stream, phase: 'waiting', counts: {}, wait: { reason, until } })
  await store.logOnce(keyOf(tried), { run: range?.of ?? tried.target.run, stream, level: 'warn', message: `${nameOf(tried)} fails and is tried again until it is done: ${reason}` })
}

async function tellOver(store: Store, tried: Tried, attempt: number): Promise<void> {
  const { stream, range, run } = tried.target
  if (!range) await store.saveProgress(run, { stream, phase: AFTERWARDS[tried.name], counts: {}, wait: null })
  await store.logOnce(`${keyOf(tried)} over`, { run: range?.of ?? run, stream, level: 'info', message: `${nameOf(tried)} is done, at attempt ${attempt}` })
}

function nameOf({ name, seq }: Tried): string {
  return seq === null ? name : `chunk ${seq}: ${name}`
}

function keyOf(tried: Tried): string {
  const { stream, round, run, range } = tried.target
  return `trouble ${stream} ${round} ${range ? `${run} ` : ''}${nameOf(tried)}`
}

/** Waits for what is told, not longer than a moment; a run is not stopped because nothing can be said of it. */
async function inTime(telling: Promise<void>): Promise<void> {
  await Promise.race([telling.catch(() => undefined), sleep(TELL_MS, undefined, { ref: false })])
}
