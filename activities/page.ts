import type { PageStop, PageResult, Segment } from '../model/run.ts'
import { waitSignal } from '../model/signals.ts'
import { Mapping } from './ahead.ts'
import { pacerOf, type OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import type { Lanes } from './lanes.ts'
import { LivePages } from './live.ts'
import { adoptFirstPage } from './first-page.ts'
import { noteHealth } from './health.ts'
import { PageToken } from './page-token.ts'
import type { StepContext } from './step.ts'
import type { PageRequest } from './types.ts'

/** Waits before the next step are known here. */
function tellWait(connection: string, { stop, waitMs }: PageResult): void {
  if (waitMs > 0 && (stop.kind === 'throttled' || stop.kind === 'interrupted')) waitSignal.tell({ connection, reason: stop.kind, ms: waitMs })
}

/**
 * Reads pages from a position until the chunk's budget is spent, and stages them as they are. What an earlier attempt staged is a chunk
 * as it is: it is delivered now, so that workers that are killed again and again move on all the same.
 */
export async function readChunk(deps: ActivityDeps, streams: OpenStreams, request: PageRequest, step: StepContext, lanes: Lanes): Promise<PageResult> {
  const open = await streams.get(request)
  const chunk = { run: request.run, stream: request.stream, seq: request.seq }
  const left = await deps.stage.resume(chunk)
  // Pages that an earlier attempt left are mapped by the map step, from the stage.
  const mapping = left ? null : await Mapping.open(deps, streams, request, open)
  const adopted = left ?? (request.adopt ? await adoptFirstPage(deps.stage, chunk, async (frame) => mapping?.addFrame(frame)) : null)
  const segments: Segment[] = [...(adopted?.segments ?? [])]
  let records = adopted?.records ?? 0
  let bytes = adopted?.bytes ?? 0
  let position = adopted ? adopted.next : request.position
  let pages = segments.reduce((sum, s) => sum + s.frames, 0)
  const told = (end: PageResult): PageResult => {
    tellWait(open.stream.connection, end)
    return end
  }
  const live = new LivePages(deps.store, open.stream.connection, request)
  const token = new PageToken(deps.store, open, request, step.signal, deps.owner)
  const result = (stop: PageStop, requests: number): PageResult => told({
    stop,
    chunk: pages > 0 ? { ...chunk, segments, pages, records, bytes } : null,
    position,
    requests,
    waitMs: 'untilMs' in stop ? Math.max(0, stop.untilMs - Date.now()) : 0,
    tokenRefreshes: token.refreshes,
    again: step.attempt > 1,
  })
  const keepRows = async (): Promise<void> => {
    const rows = await mapping?.finish()
    if (!rows) return
    streams.ahead.keep(request.round, segments, rows)
    if (mapping?.shape) await streams.shapes.tell(deps.store, request, mapping.shape)
  }
  if (adopted?.last || bytes >= request.budget.bytes || (left && step.attempt > 1)) {
    await keepRows()
    // The attempt that asked for them cannot tell any more.
    return result(adopted?.last ? { kind: 'done' } : { kind: 'more' }, left ? pages : 0)
  }

  const inTurn = request.inTurn || step.attempt > 1
  const { range } = request
  const pacer = pacerOf(deps.store, open, `${range?.of ?? request.run}/${request.stream}`, range ? 'background' : 'bulk')
  const writer = await deps.stage.writer(chunk)
  const untilMs = Date.now() + request.budget.ms
  let written: Promise<void> = Promise.resolve()
  try {
    const read = await open.reader.read({
      position,
      since: request.since,
      until: range?.to,
      // A worker that drains begins no further page: the next worker reads on.
      budget: { get untilMs() { return deps.draining ? 0 : untilMs }, bytes: request.budget.bytes - bytes, requests: request.budget.requests },
      token: () => token.get(),
      pacer: {
        closed: pacer.closed,
        async enter(signal) {
          const known = pacer.closed()
          if (known?.kind === 'down') await live.outage(known.opening, known.reason)
          if (range) await lanes.giveWay(signal)
          return pacer.enter(signal)
        },
      },
      signal: step.signal,
      inTurn,
      onNotice: (notice) => live.notice(notice),
      onPage: async (page) => {
        const before = written
        written = writer.append(page)
        await token.served()
        await mapping?.add(page)
        // The write of this page runs while the next one is on its way; `close` waits for the last.
        await (inTurn ? written : before)
        pages += 1
        records += page.records
        bytes += page.body.length
        position = page.next
        step.beat({ pages, records })
        live.show(pages, records)
      },
    })
    const segment = await writer.close()
    if (segment.frames > 0) segments.push(segment)
    await keepRows()
    position = read.position
    await live.done(pages, records, read.requests, read.stop)
    const stop = await token.judge(read.stop)
    if (open.reader.remote) await noteHealth(deps.store, open.stream.connection, stop, segment.frames > 0)
    return result(stop, read.requests)
  } catch (error) {
    // What was staged stays for the next attempt.
    await writer.close().catch(() => undefined)
    await mapping?.drop()
    throw error
  }
}
