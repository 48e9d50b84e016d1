import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Position, Segment } from '../model/run.ts'
import { readHead, type Opening, type PageHeader } from './frame.ts'

export interface SegmentScan {
  adopted: Segment[]
  /** The whole frames of this file; null when there is none. */
  own: Segment | null
  records: number
  bodyBytes: number
  next: Position | null
  last: boolean
}

/** Reads the heads of a segment file, up to `limit` bytes of it. null when not even its opening is whole. */
export async function scanSegment(folder: string, name: string, limit = Infinity): Promise<SegmentScan | null> {
  const file = await open(join(folder, name), 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (!file) return null
  try {
    const size = Math.min((await file.stat()).size, limit)
    const opening = await readHead(file, 0, size)
    if (!opening) return null
    const scan: SegmentScan = { adopted: (opening.header as Opening).adopted, own: null, records: 0, bodyBytes: 0, next: null, last: false }
    let frames = 0
    for (let offset = opening.end; ; ) {
      const head = await readHead(file, offset, size)
      if (!head) return scan
      const { records, next, last } = head.header as PageHeader
      offset = head.end
      frames += 1
      scan.records += records
      scan.bodyBytes += head.bodyLength
      Object.assign(scan, { next, last, own: { file: name, bytes: offset, frames } })
    }
  } finally {
    await file.close()
  }
}
