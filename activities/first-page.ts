import type { PageFrame, Stage } from '../model/ports.ts'
import type { ChunkRef, Position, Segment } from '../model/run.ts'

/** The chunk under which the client's look at the first page lies: before the run's own first chunk. */
export const FIRST_PAGE = 0

/**
 * Takes over the page that the client staged when it checked the source, so that no page is asked for twice.
 * null when there is none here: the client may work on another machine.
 */
export async function adoptFirstPage(
  stage: Stage,
  chunk: ChunkRef,
  onPage: (frame: PageFrame) => Promise<void>,
): Promise<{ segments: Segment[]; records: number; bytes: number; next: Position | null; last: boolean } | null> {
  const staged = await stage.resume({ ...chunk, seq: FIRST_PAGE })
  if (!staged) return null
  const writer = await stage.writer(chunk)
  for await (const frame of stage.frames({ ...chunk, seq: FIRST_PAGE, segments: staged.segments })) {
    await writer.append(frame)
    await onPage(frame)
  }
  return { ...staged, segments: [await writer.close()] }
}
