import { condition, sleep } from '@temporalio/workflow'
import type { PageResult, PostResult, StagedPages, StagedRows } from '../model/run.ts'
import { addCounts, balanced, chunkCounts, grouped } from './counts.ts'
import { PositionLost, stopped, StreamStopped } from './failure.ts'
import { checkRejects } from './guard.ts'
import { resumedSignal, waitingSignal } from './messages.ts'
import { lapses, LONG_WAIT_MS, MAX_SETBACKS, MAX_TOLD, setbackWait } from './policy.ts'
import { stepsOf } from './steps.ts'
import { tellRun } from './tell.ts'
import type { Board } from './board.ts'
import type { StreamInput, StreamState } from './types.ts'
import { beginsAt, cause, clock, inWords } from './words.ts'

/** Chunks between reading and commit: while n posts, n+1 maps and n+2 is read. */
const CHUNKS_AHEAD = 3
/** Causes of waits that are told apart. */
const MAX_REASONS = 20
/** The first chunk is short, so that the first rows are soon to be seen. */
const FIRST_CHUNK_MS = 1_500
/** A chunk after an interrupted one is short: where workers are killed again and again, little is under way each time. */
const CAREFUL_CHUNK_MS = 5_000

/**
 * Runs the chunks of a stream as a bounded pipeline: authenticate, page, map, post.
 * Returns `continue` when the history is long enough and nothing is under way.
 */
export async function pump(input: StreamInput, state: StreamState, board: Board, full: () => boolean): Promise<'done' | 'continue'> {
  const target = { sync: input.sync, run: input.run, plan: input.plan, stream: input.stream, round: state.round, ...(input.range && { range: input.range }) }
  const { local, remote } = stepsOf(input)
  let open = 0
  let failure: { error: unknown } | null = null
  let posted: Promise<void> = Promise.resolve()
  // Set by the chunks that are being delivered; a function, so that the compiler does not narrow it away.
  const failed = (): { error: unknown } | null => failure
  if (state.needsToken && state.tokenVersion < 0) await authenticate(-1)

  let end = false
  let stop: { error: unknown } | null = null
  try {
    while (!end && !full()) {
      await condition(() => open < CHUNKS_AHEAD || failed() !== null)
      if (failed()) break
      if (state.held) {
        await whileHeld()
        if (failed()) break
      }
      board.set('reading')
      const result = await readChunk()
      if (result.chunk !== null || result.stop.kind === 'done') {
        const chunk = result.chunk ?? { ...target, seq: state.seq + 1, segments: [], pages: 0, records: 0, bytes: 0 }
        state.seq = chunk.seq
        state.setbacks = 0
        open += 1
        posted = deliver(chunk, result, posted)
          .catch((error: unknown) => {
            failure ??= { error }
          })
          .finally(() => {
            open -= 1
          })
      }
      state.position = result.position
      end = result.stop.kind === 'done'
      await react(result, result.chunk !== null)
    }
  } catch (error) {
    stop = { error }
  }
  board.set(end ? 'finishing' : board.phase, board.wait ?? undefined)
  await posted
  const broken = failed()
  if (broken) throw broken.error
  if (stop !== null) throw stop.error
  return end ? 'done' : 'continue'

  /** While a person has paused the run nothing is read; what was read is delivered. */
  async function whileHeld(): Promise<void> {
    while (state.held) {
      const { note } = state.held
      await condition(() => open === 0 || failed() !== null)
      if (failed()) return
      board.hold(note)
      await local.pause.executeWithOptions({ summary: `paused${note === '' ? '' : `: ${note}`}` }, [{ ...target, counts: state.counts, note }])
      await condition(() => state.held?.note !== note)
      // Cursors may lapse meanwhile.
      if (!state.held && lapses(state.position)) state.resumedAt = state.position
    }
  }

  function beginsAtFirstPage(): boolean {
    const first = input.firstPage
    return first !== null && first.since === state.since && JSON.stringify(first.position) === JSON.stringify(state.position)
  }

  async function readChunk(): Promise<PageResult> {
    const seq = state.seq + 1
    const ms = Math.min(state.chunk.ms, seq === 1 ? FIRST_CHUNK_MS : state.careful ? CAREFUL_CHUNK_MS : Infinity)
    const result = await remote.page.executeWithOptions({ summary: `chunk ${seq}: read pages ${beginsAt(state.position, state.staged)}` }, [
      {
        ...target, seq, position: state.position, since: state.since, budget: { ...state.chunk, ms }, adopt: seq === 1 && beginsAtFirstPage(), inTurn: state.careful === true,
        before: { pages: state.counts.pages, records: state.staged, requests: state.counts.requests },
      },
    ])
    state.careful = result.again ?? false
    state.counts.requests += result.requests
    state.tokenRefreshes += result.tokenRefreshes
    state.counts.pages += result.chunk?.pages ?? 0
    state.counts.bytes += result.chunk?.bytes ?? 0
    state.staged += result.chunk?.records ?? 0
    return result
  }

  async function deliver(chunk: StagedPages, result: PageResult, before: Promise<void>): Promise<void> {
    const position = result.position
    const rows = await local.map.executeWithOptions({ summary: `chunk ${chunk.seq}: ${grouped(chunk.records)} records of ${grouped(chunk.pages)} ${chunk.pages === 1 ? 'page' : 'pages'}` }, [
      { ...target, pages: chunk, since: state.since },
    ])
    await before
    if (failed()) return
    checkRejects(state, rows)
    const done = await post(rows, position, result.stop.kind === 'done')
    const counts = chunkCounts(rows, done)
    if (!balanced(counts) || rows.read !== chunk.records) {
      throw new StreamStopped({
        type: 'ReceiptMismatch', field: '', cure: 'report it with this run id',
        message: `the counts of chunk ${chunk.seq} do not add up: ${chunk.records} records staged, ${JSON.stringify(counts)}`,
      })
    }
    addCounts(state.counts, counts)
    state.scanned += counts.read
    state.committed = { seq: chunk.seq, position }
    board.set(board.phase, board.wait ?? undefined)
  }

  /** Posts a chunk until it is committed: an API may ask to wait or for a new token in between. */
  async function post(rows: StagedRows, position: PageResult['position'], last: boolean): Promise<PostResult> {
    let settled = -1
    for (;;) {
      const done = await local.post.executeWithOptions({ summary: `chunk ${rows.seq}: ${grouped(rows.rows)} rows → ${input.table}` }, [
        { ...target, epoch: state.epoch, rows, position, last, approved: state.approved.sending === true, before: state.counts },
      ])
      if (done.stop === null) return done
      const now = done.inserted + done.updated + done.unchanged + done.deleted + done.refused
      if (now > settled) state.setbacks = 0
      const { stop: why } = done
      const untilMs = why.kind === 'throttled' || why.kind === 'interrupted' ? why.untilMs : 0
      await react({ stop: why, waitMs: Math.max(0, untilMs - Date.now()), chunk: null, position: null, requests: 0, tokenRefreshes: 0 }, now > settled, 'destination')
      settled = now
    }
  }

  async function authenticate(seen: number, of?: 'destination'): Promise<void> {
    board.set('authenticating')
    const where = of ? input.table : input.connection
    const summary = seen < 0 ? `sign in to ${where}` : `new token for ${where}: the last one has expired or was refused`
    state.signIn = { seen, ...(of && { of }) }
    const token = await remote.authenticate.executeWithOptions({ summary }, [{ ...target, seen, ...(of && { of }) }])
    state.signIn = null
    if (token.refreshed) state.tokenRefreshes += 1
    if (!of) state.tokenVersion = token.version
  }

  async function react({ stop: why, waitMs }: PageResult, progress: boolean, of?: 'destination'): Promise<void> {
    if (why.kind === 'positionLost') throw new PositionLost(why.reason)
    if (why.kind === 'refused') throw !of && !progress && why.type === 'Contract' && state.resumedAt !== null ? new PositionLost(why.reason) : stopped(why)
    if (progress && !of) state.resumedAt = null
    if (why.kind === 'throttled') {
      await wait(waitMs, why.reason)
    } else if (why.kind === 'authRequired') {
      // A fresh token that is refused too is not cured by another one; unless the API answered others with it until it was used up.
      if (!progress && (state.setbacks += why.served ? 0.1 : 1) > 2) {
        throw new StreamStopped({ type: 'AuthFailed', message: `${why.reason}, also with a new token`, field: of ? 'to.auth' : 'from.auth', cure: 'check the credentials and their permissions' })
      }
      await authenticate(why.version, of)
    } else if (why.kind === 'interrupted') {
      if (!progress) state.setbacks += 1
      if (state.setbacks >= MAX_SETBACKS) {
        throw new StreamStopped({ type: why.type, message: `${why.reason}; gave up after ${Math.floor(state.setbacks)} interruptions without progress`, field: '', cure: 'see that the API answers; it goes on where it stopped' })
      }
      await wait(Math.max(setbackWait(state.setbacks), waitMs), why.reason)
    }
  }

  async function wait(ms: number, why: string): Promise<void> {
    if (ms <= 0) return
    const began = Date.now()
    const reason = cause(why)
    const until = new Date(began + ms).toISOString()
    board.set('waiting', { reason, until })
    const told = input.tells === true && ms >= LONG_WAIT_MS && (state.told ?? 0) < MAX_TOLD
    if (told) {
      state.told = (state.told ?? 0) + 1
      // Not waited for: that is no part of the wait.
      void tellRun((run) => run.signal(waitingSignal, { stream: input.stream, reason, until, read: state.staged }))
    }
    await sleep(ms, { summary: `wait ${inWords(ms)}, until ${clock(began + ms, began)}: ${reason}` })
    if (told) void tellRun((run) => run.signal(resumedSignal, { stream: input.stream }))
    state.waits.count += 1
    state.waits.ms += Date.now() - began
    const { reasons } = state.waits
    // Some APIs put a request id into each answer; the receipt must stay small.
    const name = reason in reasons || Object.keys(reasons).length < MAX_REASONS ? reason : 'other reasons'
    reasons[name] = (reasons[name] ?? 0) + 1
  }
}
