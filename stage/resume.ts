import { readdir } from 'node:fs/promises'
import type { Position, Segment } from '../model/run.ts'
import { scanSegment, type SegmentScan } from './scan.ts'

export interface Chain {
  segments: Segment[]
  records: number
  bytes: number
  next: Position | null
  last: boolean
}

const SEGMENT = /^a(\d+)-[0-9a-f]+\.pages$/

/** Segment files of a chunk, the newest attempt first. */
export async function segmentFiles(folder: string): Promise<{ name: string; attempt: number }[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names
    .flatMap((name) => {
      const match = SEGMENT.exec(name)
      return match ? [{ name, attempt: Number(match[1]) }] : []
    })
    .sort((a, b) => b.attempt - a.attempt || (a.name < b.name ? 1 : -1))
}

/**
 * The frames that count: those of the newest attempt behind those it took over, as its file says. An older attempt that still
 * appends changes nothing, because what was taken over of it is told in bytes.
 */
export async function newestChain(folder: string): Promise<Chain | null> {
  for (const { name } of await segmentFiles(folder)) {
    const chain = await chainOf(folder, name)
    if (chain) return chain
  }
  return null
}

async function chainOf(folder: string, name: string): Promise<Chain | null> {
  const newest = await scanSegment(folder, name)
  if (!newest) return null
  const parts: SegmentScan[] = []
  for (const segment of newest.adopted) {
    const part = await scanSegment(folder, segment.file, segment.bytes)
    if (part?.own?.bytes !== segment.bytes || part.own.frames !== segment.frames) return null
    parts.push(part)
  }
  if (newest.own) parts.push(newest)
  const end = parts.at(-1)
  if (!end) return null
  return {
    segments: parts.map((p) => p.own!),
    records: parts.reduce((sum, p) => sum + p.records, 0),
    bytes: parts.reduce((sum, p) => sum + p.bodyBytes, 0),
    next: end.next,
    last: end.last,
  }
}
