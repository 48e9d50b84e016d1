import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { IsthmusError } from '../model/errors.ts'
import type { PageFrame } from '../model/ports.ts'
import type { Segment } from '../model/run.ts'
import { readBody, readHead, type PageHeader } from './frame.ts'

/** Frames of a segment, one in memory at a time. Throws StageLost when they are not all there. */
export async function* segmentFrames(folder: string, segment: Segment): AsyncGenerator<PageFrame> {
  const lost = (why: string) => new IsthmusError('StageLost', `The staged pages ${segment.file} ${why}`)
  const file = await open(join(folder, segment.file), 'r').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? lost('are gone') : error
  })
  try {
    const { size } = await file.stat()
    if (size < segment.bytes) throw lost('are cut off')
    const opening = await readHead(file, 0, segment.bytes)
    if (!opening) throw lost('are damaged')
    let offset = opening.end
    for (let i = 0; i < segment.frames; i++) {
      const head = await readHead(file, offset, segment.bytes)
      const body = head && (await readBody(file, head))
      if (!head || !body) throw lost('are damaged')
      const { records, next, last, parent = null, mark = null } = head.header as PageHeader
      yield { body, records, next, last, parent, mark }
      offset = head.end
    }
    if (offset !== segment.bytes) throw lost('hold other frames than were staged')
  } finally {
    await file.close()
  }
}
