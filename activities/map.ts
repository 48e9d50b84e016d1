import { setImmediate as yieldToLoop } from 'node:timers/promises'
import { IsthmusError } from '../model/errors.ts'
import { revive } from '../model/json/index.ts'
import { compileMapper, selectRecords, type CompiledMapper } from '../model/mapping/index.ts'
import type { Plan, StreamPlan } from '../model/plan.ts'
import type { PageFrame } from '../model/ports.ts'
import type { StagedRows } from '../model/run.ts'
import type { UnreadableLine } from '../model/rows.ts'
import type { Stream } from '../model/source.ts'
import { loadPlanned, postModel, type AnyFlow } from '../project/index.ts'
import { createDecoder, type Decode } from '../protocols/formats/index.ts'
import { giveParent } from '../protocols/rest/index.ts'
import type { OpenStream, OpenStreams } from './context.ts'
import type { ActivityDeps } from './deps.ts'
import { RowWriter } from './rows.ts'
import type { StepContext } from './step.ts'
import type { MapRequest, StreamTarget } from './types.ts'

/** The records of one page, parsed the way their mapper wants them. */
export function recordsOf(stream: StreamPlan, page: Pick<PageFrame, 'body' | 'parent'>, mapper: CompiledMapper): unknown[] {
  if (page.body.length === 0) return []
  const records = selectRecords(decoderOf(stream.stream)(page.body, mapper.parse), stream.stream.records) ?? []
  if (page.parent) giveParent(records, page.parent, mapper.parse)
  return records
}

const decoders = new WeakMap<Stream, Decode>()

/** The decoder of a stream, compiled once. */
function decoderOf(stream: Stream): Decode {
  const found = decoders.get(stream) ?? createDecoder(stream)
  decoders.set(stream, found)
  return found
}

/** The mapper of a stream; `flow` is the sync's code, needed when the plan points into it. `keys`: it reads the keys of rejected records too. */
export function rowMapper(stream: StreamPlan, flow: AnyFlow | undefined, keys = stream.deletes.mode !== 'none'): CompiledMapper {
  const fn = typeof flow?.map === 'function' ? flow.map : undefined
  const key = !keys ? undefined : { columns: stream.key, paths: stream.stream.key }
  const mapper = compileMapper({ columns: stream.columns, mapping: stream.mapping, fn: fn as never, model: flow?.model, key })
  return stream.stream.file ? refusesUnreadable(mapper) : mapper
}

/** Lines of a file that hold no record are set aside with their number. */
function refusesUnreadable(mapper: CompiledMapper): CompiledMapper {
  return {
    ...mapper,
    map(record, out) {
      const line = record as Partial<UnreadableLine> | null
      if (typeof line !== 'object' || line?.$unreadable === undefined) return mapper.map(record, out)
      return { reason: `line ${String(revive(line.$line))} ${line.$unreadable}`, field: '' }
    },
  }
}

/** The mapper of a run's stream, compiled once. */
export function mapperOf(deps: ActivityDeps, streams: OpenStreams, target: StreamTarget, { plan, stream }: OpenStream): Promise<CompiledMapper> {
  return streams.mapper(target, async () => rowMapper(stream, await flowOf(deps, plan, stream)))
}

/** Loads the sync's code when the plan needs it. Throws UserCode when the file is another one than the run was started with. */
export async function flowOf(deps: Pick<ActivityDeps, 'projectDir'>, of: Pick<Plan, 'id' | 'file'>, stream: StreamPlan): Promise<AnyFlow | undefined> {
  if (stream.stream.file) return { model: await postModel(deps.projectDir, stream) } as AnyFlow
  const loaded = await loadPlanned(deps.projectDir, of).catch((error: unknown) => {
    // A plan of data alone runs on a worker that has no project.
    if (stream.mapping.kind === 'fields' && error instanceof IsthmusError && error.type === 'NotFound') return null
    throw error
  })
  if (loaded === null) return undefined
  const { definition, plan } = loaded
  const now = plan.streams.find((s) => s.name === stream.name)
  if (!now || JSON.stringify(now.columns) !== JSON.stringify(stream.columns)) {
    throw new IsthmusError('UserCode', 'the model was changed while the run was under way', { file: plan.file, field: 'model', cure: 'run the sync again: it goes on with the new model' })
  }
  return definition.flows.find((f) => f.from.stream.name === stream.name)
}

/** Turns staged pages into rows of the destination's load format, and sets rejects aside. */
export async function mapChunk(deps: ActivityDeps, streams: OpenStreams, request: MapRequest, step: StepContext): Promise<StagedRows> {
  const { pages } = request
  // This process may have mapped the pages while it read them.
  const ahead = streams.ahead.take(request.round, pages)
  if (ahead) return ahead
  const open = await streams.get(request)
  const mapper = await mapperOf(deps, streams, request, open)
  const rows = await RowWriter.open(deps.stage, { run: pages.run, stream: pages.stream, seq: pages.seq }, open.stream, mapper, open.range)
  try {
    for await (const frame of deps.stage.frames(pages)) {
      step.signal.throwIfAborted()
      await rows.add(recordsOf(open.stream, frame, mapper))
      rows.noteMark(frame.mark)
      step.beat({ records: rows.counts.read, rejected: rows.counts.rejected })
      await yieldToLoop()
    }
    await streams.shapes.tell(deps.store, request, rows.shape)
    return await rows.finish()
  } finally {
    await rows.close()
  }
}
