import { fileURLToPath } from 'node:url'
import { Worker, type InjectedSinks, type ReplayResult, type ReplayWorkerOptions } from '@temporalio/worker'
import { DeterminismViolationError } from '@temporalio/workflow'
import { beforeAll, describe, expect, it } from 'vitest'
import { SIMULATOR_CREDENTIALS } from '../../simulator/index.ts'
import { bundle, installRuntime, loadBundle, MAX_PAYLOAD_BYTES } from '../../workers/index.ts'
import type { EndedWorkflow, TraceSinks } from '../../workflows/trace.ts'
import { decoded, payloads, storedHistories, summaryOf, type HistoryEvent, type StoredHistory } from '../support/histories.ts'

const stored = storedHistories()
const events = (h: StoredHistory): HistoryEvent[] => h.history.events ?? []
/** Activities of a history by name. */
const steps = (h: StoredHistory, name: string): number => events(h).filter((e) => e.activityTaskScheduledEventAttributes?.activityType?.name === name).length

/** The name of the workflow that a history is of. */
const workflowType = (h: StoredHistory): string => events(h)[0]!.workflowExecutionStartedEventAttributes!.workflowType!.name!

/** Children are named after their parent, so the id must be the real one. */
const workflowId = (h: StoredHistory): string => events(h)[0]!.workflowExecutionStartedEventAttributes!.workflowId!

async function replay(workflowBundle: ReplayWorkerOptions['workflowBundle'], histories: StoredHistory[], ended: EndedWorkflow[] = []): Promise<ReplayResult[]> {
  const results: ReplayResult[] = []
  const sinks: InjectedSinks<TraceSinks> = { isthmusTrace: { ended: { callDuringReplay: true, fn: (_info, workflow) => void ended.push(workflow) } } }
  for await (const result of Worker.runReplayHistories({ workflowBundle, sinks }, histories.map((h) => ({ workflowId: workflowId(h), history: h.history })))) results.push(result)
  return results
}

/** What summaries of steps and of waits say. */
const STEP = /^(chunk [\d,]+: |table |sign in to |new token for |parked: \w|receipt: |[\w.-]+: what is no longer at the source$|run \d+-\d+-[\da-f]{6} of |note where the run is$|notes how it stands: \w)/
const WAIT = /^(wait \d+ (s|min|h), until [\d-]*\s?\d\d:\d\d:\d\d UTC: \S|gathers the events that come close together$|looks again in \d+ s: \S|up to \d+ (s|min): windows end )/

describe('histories of all releases', () => {
  beforeAll(() => installRuntime())

  it('are those of plain, waiting, skipped, retried, cancelled and continued runs', () => {
    const closed = stored.map((h) => [h.name.replace(/^[^/]*\//, '').replace('.json', ''), Object.keys(events(h).at(-1)!).find((key) => key.startsWith('workflowExecution'))])
    expect(Object.fromEntries(closed)).toMatchObject({
      'plain.sync': 'workflowExecutionCompletedEventAttributes', 'plain.stream': 'workflowExecutionCompletedEventAttributes',
      'skipped.sync': 'workflowExecutionCompletedEventAttributes', 'skipped.stream': 'workflowExecutionCompletedEventAttributes',
      'retried.sync': 'workflowExecutionCompletedEventAttributes', 'retried.stream': 'workflowExecutionCompletedEventAttributes',
      'cancelled.sync': 'workflowExecutionCanceledEventAttributes',
      'continued.stream': 'workflowExecutionContinuedAsNewEventAttributes', 'continued.stream-2': 'workflowExecutionCompletedEventAttributes',
    })
    const waited = stored.filter((h) => h.name.includes('token-and-wait.stream'))
    expect(waited.flatMap(events).filter((e) => e.timerFiredEventAttributes).length).toBeGreaterThan(0)
    expect(waited.reduce((n, h) => n + steps(h, 'authenticate'), 0)).toBeGreaterThan(2)
  })

  it('are those of due times, events, backfills and owners of tokens, too', () => {
    const of = (name: string): StoredHistory => stored.filter((h) => h.name.endsWith(`/${name}.json`)).at(-1)!
    const last = (name: string): HistoryEvent => events(of(name)).at(-1)!
    const signals = (name: string): unknown[] => events(of(name)).map((e) => e.workflowExecutionSignaledEventAttributes?.signalName).filter(Boolean)
    const updates = (name: string): unknown[] => events(of(name)).map((e) => e.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name).filter(Boolean)
    const children = (name: string): number => events(of(name)).filter((e) => e.startChildWorkflowExecutionInitiatedEventAttributes).length
    for (const name of ['scheduled.scheduled', 'scheduled-skipped.scheduled', 'triggered.triggered', 'triggered.scheduled', 'backfill.backfill-2', 'backfill.window', 'backfill.window-last', 'backfill-stopped.backfill']) expect(last(name)).toHaveProperty('workflowExecutionCompletedEventAttributes')
    expect([children('scheduled.scheduled'), children('scheduled-skipped.scheduled')]).toEqual([1, 0])
    expect(signals('long-wait.sync')).toEqual(['streamWaiting', 'streamResumed'])
    // One that was skipped, since a run was open, and one that made a run.
    expect([signals('triggered.triggered'), children('triggered.triggered')]).toEqual([['events'], 2])
    expect(last('backfill.backfill')).toHaveProperty('workflowExecutionContinuedAsNewEventAttributes')
    expect([updates('backfill.backfill'), updates('backfill.backfill-2'), signals('backfill.window')]).toEqual([['pause'], ['setConcurrency', 'resume'], ['drain']])
    expect([updates('backfill-stopped.backfill'), children('backfill-stopped.backfill')]).toEqual([['retry'], 5])
    expect([workflowType(of('backfill.window')), workflowType(of('connection.connection'))]).toEqual(['stream', 'connection'])
    expect(last('connection.connection')).toHaveProperty('workflowExecutionContinuedAsNewEventAttributes')
    expect(updates('connection.connection').length).toBeGreaterThan(2)
    expect(events(of('connection.connection-2')).some((e) => e.timerFiredEventAttributes)).toBe(true)
  })

  // A run may move between workers that trace and workers that do not.
  it.each(['plain', 'traced'] as const)('replay with the workflows of today, %s', async (kind) => {
    const ended: EndedWorkflow[] = []
    const results = await replay(await loadBundle(kind), stored, ended)
    expect(results.map((r, i) => [stored[i]!.name, r.error?.message])).toEqual(stored.map((h) => [h.name, undefined]))
    // Each has told of its end, but for owners of tokens.
    const closed = kind === 'plain' ? [] : stored.filter((h) => workflowType(h) !== 'connection')
    expect(ended.map((e) => e.workflowId).sort()).toEqual(closed.map(workflowId).sort())
    for (const { traceId, spanId, parent } of ended) expect([traceId.length, spanId.length, parent]).toEqual([32, 16, null])
  })

  it('do not replay with the same steps in another order', async () => {
    const code = await bundle(fileURLToPath(new URL('./fixtures/reordered.ts', import.meta.url)))
    const changed = stored.filter((h) => /\/(plain\.stream|scheduled\.scheduled|triggered\.triggered|backfill\.backfill|backfill\.window|connection\.connection)\.json$/.test(h.name))
    expect(new Set(changed.map(workflowType))).toEqual(new Set(['stream', 'scheduled', 'triggered', 'backfill', 'connection']))
    const results = await replay({ code }, changed)
    expect(results.map((r, i) => [changed[i]!.name, r.error instanceof DeterminismViolationError])).toEqual(changed.map((h) => [h.name, true]))
  })
})

describe.each(stored.map((h) => [h.name, h] as const))('%s', (_name, h) => {
  it('holds no secret, no record and no large payload', () => {
    const found = payloads(h.history)
    expect(found.length).toBeGreaterThan(5)
    for (const payload of found) expect(payload.data?.length ?? 0).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES)
    const text = [h.text, ...found.map(decoded)].join('\n')
    const { clientId: _public, username: _name, ...secrets } = SIMULATOR_CREDENTIALS
    for (const secret of Object.values(secrets)) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''))
    }
    // Ids and fields of the simulator's records, its access tokens, and the header that would carry them.
    expect(text).not.toMatch(/txn_\d|booked_at|ledgerNo|access_token|Bearer |sim_(at|rt)/)
  })

  it('names every step and every wait', () => {
    for (const event of events(h)) {
      const activity = event.activityTaskScheduledEventAttributes
      if (activity) expect(summaryOf(event), activity.activityType?.name ?? '').toMatch(STEP)
      if (event.timerStartedEventAttributes) expect(summaryOf(event)).toMatch(WAIT)
      if (event.startChildWorkflowExecutionInitiatedEventAttributes) expect(summaryOf(event)).toMatch(/ → |: events have arrived$/)
    }
  })

  it('costs few events for each chunk', () => {
    const asked = steps(h, 'page') + steps(h, 'authenticate')
    const windows = events(h).filter((e) => e.startChildWorkflowExecutionInitiatedEventAttributes).length
    const changes = events(h).filter((e) => e.workflowExecutionUpdateAcceptedEventAttributes).length
    if (workflowType(h) === 'backfill') expect(events(h).length).toBeLessThanOrEqual(16 + 12 * windows + 10 * changes)
    else if (workflowType(h) === 'connection') expect(events(h).length).toBeLessThanOrEqual(16 + 11 * (changes + 2))
    else if (asked === 0) expect(events(h).length).toBeLessThanOrEqual(40)
    else expect(events(h).length).toBeLessThanOrEqual(30 + 6 * asked + 20 * Math.max(1, steps(h, 'post')) + 25 * steps(h, 'park'))
  })
})
