import { allHandlersFinished, ApplicationFailure, CancellationScope, ChildWorkflowCancellationType, condition, continueAsNew, isCancellation, ParentClosePolicy, setHandler, setWorkflowOptions, startChild, workflowInfo, type ChildWorkflowHandle } from '@temporalio/workflow'
import type { BackfillPhase, BackfillProgress } from '../model/backfill.ts'
import type { StreamReceipt } from '../model/run.ts'
import { moment, showBackfill, showBackfillPhase } from './backfill-details.ts'
import { beginBackfill, isOver, learnWindow, MAX_CONCURRENCY, progressOf, retryStopped, takeNext, windowOf, type BackfillInput, type OpenTask, type Task } from './backfill-state.ts'
import { noCounts } from './counts.ts'
import { STREAM_STEPS } from './details.ts'
import { runError, streamReceipt } from './failure.ts'
import { backfillQuery, drainSignal, pauseBackfillUpdate, resumeBackfillUpdate, retryWindowsUpdate, setConcurrencyUpdate, skipWindowsUpdate, type BackfillOrderNow } from './messages.ts'
import { notes } from './steps.ts'
import { stream } from './stream.ts'
import { clock, inWords } from './words.ts'

/** Windows that are asked to hand their place back get so long for the chunk they are in. */
const DRAIN_MS = 60_000
/** Runs and steps of runs go first wherever both wait. */
const LOW = { priorityKey: 5, fairnessKey: 'backfill' }

/** A window under way. */
interface Under extends OpenTask {
  scope: CancellationScope
  /** null until it has started. */
  child: ChildWorkflowHandle<typeof stream> | null
}

/**
 * Reads a range of time window by window, several at once. Each window is a run of `stream` with a checkpoint of its own. What stops one window does not
 * stop the others; a source that is away makes all of them wait. Ends with how it stood.
 */
export async function backfill(input: BackfillInput): Promise<BackfillProgress> {
  const state = input.carried ?? beginBackfill(input)
  const open = new Map<number, Under>()
  let phase: BackfillPhase = input.carried?.paused ? 'paused' : 'working'
  let activeSince: number | null = null
  let changes = 0
  let draining = false
  let stoppedTold = false

  const progress = (): BackfillProgress => progressOf(input, state, phase, [...open.values()], activeSince, Date.now())
  const show = (now: BackfillPhase = phase): void => {
    const changed = now !== phase
    phase = now
    showBackfill(progress(), Date.now(), state.paused?.at)
    if (changed) showBackfillPhase(input.searchAttributes, now)
  }
  const refuse = (message: string): never => {
    throw ApplicationFailure.nonRetryable(message, 'InvalidInput')
  }
  const sendOn = (order?: BackfillOrderNow): void => {
    if (order) Object.assign(input, order)
    state.take += 1
    state.paused = null
    state.rest = null
    changes += 1
  }
  const goesOn = (): BackfillProgress => {
    if (state.paused === null) show('working')
    return progress()
  }

  setHandler(backfillQuery, progress)
  setHandler(pauseBackfillUpdate, async (note?: string) => {
    state.paused = { note: note ?? '', by: 'person', at: Date.now() }
    changes += 1
    await condition(() => open.size === 0 || state.paused === null)
    return { ...progress(), phase: state.paused ? 'paused' : phase }
  })
  setHandler(resumeBackfillUpdate, (order?: BackfillOrderNow) => {
    sendOn(order)
    return goesOn()
  }, { validator: (_order?: BackfillOrderNow) => void (state.paused === null && refuse('the backfill is not paused')) })
  setHandler(setConcurrencyUpdate, (n) => {
    state.concurrency = n
    changes += 1
    show()
    return progress()
  }, { validator: (n) => void ((!Number.isInteger(n) || n < 1 || n > MAX_CONCURRENCY) && refuse(`the number of windows at once is a whole number from 1 to ${MAX_CONCURRENCY}`)) })
  setHandler(retryWindowsUpdate, (order?: BackfillOrderNow) => {
    retryStopped(state)
    // One that a person has paused stays so.
    const { paused } = state
    sendOn(order)
    if (paused?.by === 'person') state.paused = paused
    return goesOn()
  }, { validator: (_order?: BackfillOrderNow) => void (state.stopped.length === 0 && refuse('no window has stopped')) })
  setHandler(skipWindowsUpdate, () => {
    state.skipped += state.stopped.splice(0).length
    changes += 1
    return progress()
  }, { validator: () => void (state.stopped.length === 0 && refuse('no window has stopped')) })

  try {
    showBackfill(progress(), Date.now(), state.paused?.at)
    // First of all: while it is paused its history holds no step, so that workers of another release take it over.
    await condition(() => state.paused === null)
    if (phase === 'paused') show('working')
    return await work()
  } catch (error) {
    if (!isCancellation(error)) throw error
    return CancellationScope.nonCancellable(async () => {
      await condition(() => open.size === 0)
      await end('cancelled')
      throw error
    })
  }

  async function work(): Promise<BackfillProgress> {
    for (;;) {
      const stop = state.paused !== null || workflowInfo().continueAsNewSuggested
      if (state.rest !== null && state.rest.until <= Date.now()) state.rest = null
      while (!stop && state.rest === null && open.size < state.concurrency) {
        const task = takeNext(input, state)
        if (task === null) break
        begin(task)
      }
      if (open.size > 0 && stop) {
        await drain()
        continue
      }
      if (open.size === 0) {
        if (stop) await handOn()
        if (isOver(input, state)) {
          if (state.stopped.length === 0) return end(state.skipped > 0 ? 'skipped' : 'completed')
          show('stopped')
          if (!stoppedTold) await note()
          stoppedTold = true
        } else if (state.rest !== null) show('waiting')
      } else show('working')
      await change()
    }
  }

  /** Waits until something happens, or the source is asked again. */
  async function change(): Promise<void> {
    const seen = changes
    const { rest } = state
    if (rest === null || open.size > 0) return condition(() => changes !== seen)
    const ms = Math.max(1_000, rest.until - Date.now())
    await condition(() => changes !== seen, ms, { summary: `wait ${inWords(ms)}, until ${clock(rest.until, Date.now())}: ${rest.reason.slice(0, 120)}` })
  }

  function begin(task: Task): void {
    const { stream: s, from, to } = windowOf(input, task.task)
    stoppedTold = false
    const scope = new CancellationScope()
    const one: Under = { ...task, since: Date.now(), workflowId: `${workflowInfo().workflowId}/${s.name}/${moment(from)}`, scope, child: null }
    activeSince ??= one.since
    open.set(task.task, one)
    void scope.run(() => window(one, s, from, to)).then((receipt) => {
      open.delete(task.task)
      if (open.size === 0 && activeSince !== null) {
        state.activeMs += Date.now() - activeSince
        activeSince = null
      }
      learnWindow(state, task, receipt, Date.now())
      changes += 1
    })
  }

  /** Reads one window; never throws. */
  async function window(one: Under, s: BackfillInput['streams'][number], from: string, to: string): Promise<StreamReceipt> {
    const run = `${input.id}.w${one.task}.${one.attempt}`
    try {
      const child = one.child = await startChild(stream, {
        workflowId: one.workflowId,
        args: [{
          sync: input.sync, run, plan: input.plan, stream: s.name, connection: s.connection, table: s.table, firstPage: null, anew: '',
          searchAttributes: input.searchAttributes, range: { of: input.id, from, to, take: state.take }, carried: null,
        }],
        parentClosePolicy: ParentClosePolicy.TERMINATE,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        priority: LOW,
        staticSummary: `${s.name} ${moment(from)} up to ${moment(to)} → ${s.table}`,
        staticDetails: STREAM_STEPS,
        ...(input.searchAttributes && { searchAttributes: { IsthmusSync: [input.sync], IsthmusRun: [input.id], IsthmusStream: [s.name], IsthmusConnection: [s.connection], IsthmusPhase: ['starting'] } }),
      })
      if (draining) ask(child)
      return await child.result()
    } catch (error) {
      const receipt = streamReceipt(error)
      if (receipt) return receipt
      const cancelled = isCancellation(error)
      return { stream: s.name, outcome: cancelled ? 'cancelled' : 'failed', resumed: false, counts: noCounts(), waits: { count: 0, ms: 0, reasons: {} }, tokenRefreshes: 0, error: cancelled ? null : runError(error) }
    }
  }

  /** Has the windows under way hand their places back, each behind a whole chunk; those that wait for something are cancelled. */
  async function drain(): Promise<void> {
    if (!draining) for (const { child } of open.values()) if (child) ask(child)
    draining = true
    show(state.paused ? 'pausing' : phase)
    if (!(await condition(() => open.size === 0, DRAIN_MS, { summary: `up to ${inWords(DRAIN_MS)}: windows end the chunk they are in` }))) {
      for (const { scope } of open.values()) scope.cancel()
      await condition(() => open.size === 0)
    }
    draining = false
  }

  function ask(child: ChildWorkflowHandle<typeof stream>): void {
    // It may have ended meanwhile.
    child.signal(drainSignal).catch(() => undefined)
  }

  /** Goes on in a new run without history; a paused one waits there. */
  async function handOn(): Promise<void> {
    if (state.paused) {
      show('paused')
      await note()
    }
    await condition(allHandlersFinished)
    await continueAsNew<typeof backfill>({ ...input, carried: state })
  }

  function note(over = false): Promise<void> {
    return notes.noteBackfill.executeWithOptions({ summary: `notes how it stands: ${phase}` }, [{ progress: progress(), cleanUp: over ? input.plan : null }])
  }

  async function end(outcome: BackfillPhase): Promise<BackfillProgress> {
    show(outcome)
    await note(true)
    await condition(allHandlersFinished)
    return progress()
  }
}

// It outlives releases, and its windows are short: each begins with the workers of its day.
setWorkflowOptions(() => (workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'AUTO_UPGRADE' } : {}), backfill)
