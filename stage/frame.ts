import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { PageFrame } from '../model/ports.ts'
import type { Position, Segment } from '../model/run.ts'

/**
 * Format of a segment file: frames of [magic 4][header length 4][body length 4][crc of body 4][crc of all before and of the
 * header 4][header, JSON][body], numbers little endian. The first frame has an `Opening` as its header and no body.
 * A write that was cut off is seen by the file's length, other damage by the sums.
 */
const MAGIC = 0x31465349
const FIXED = 20
const LONGEST_HEADER = 1024 * 1024

/** First header of a segment file: what its attempt took over from earlier ones. */
export interface Opening {
  adopted: Segment[]
}

export interface PageHeader {
  records: number
  next: Position | null
  last: boolean
  parent?: string
  mark?: string
}

/** The parts of a frame in the order they are written. */
export function encodeFrame(header: Opening | PageHeader, body: Buffer): Buffer[] {
  const json = Buffer.from(JSON.stringify(header))
  const head = Buffer.allocUnsafe(FIXED + json.length)
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt32LE(json.length, 4)
  head.writeUInt32LE(body.length, 8)
  head.writeUInt32LE(crc32(body), 12)
  json.copy(head, FIXED)
  head.writeUInt32LE(crc32(json, crc32(head.subarray(0, 16))), 16)
  return body.length > 0 ? [head, body] : [head]
}

export function pageHeader({ records, next, last, parent, mark }: PageFrame): PageHeader {
  return { records, next, last, ...(parent && { parent }), ...(mark && { mark }) }
}

export interface FrameHead {
  header: unknown
  /** Where the body begins. */
  bodyAt: number
  bodyLength: number
  bodyCrc: number
  /** Where the next frame begins. */
  end: number
}

/** Head of the frame at `offset`; null when it is not whole within the first `limit` bytes of the file. */
export async function readHead(file: FileHandle, offset: number, limit: number): Promise<FrameHead | null> {
  if (offset + FIXED > limit) return null
  let head = await readExactly(file, offset, Math.min(1024, limit - offset))
  if (!head || head.readUInt32LE(0) !== MAGIC) return null
  const headerLength = head.readUInt32LE(4)
  const bodyLength = head.readUInt32LE(8)
  const bodyAt = offset + FIXED + headerLength
  if (headerLength > LONGEST_HEADER || bodyAt + bodyLength > limit) return null
  if (head.length < FIXED + headerLength) head = await readExactly(file, offset, FIXED + headerLength)
  if (!head) return null
  const json = head.subarray(FIXED, FIXED + headerLength)
  if (crc32(json, crc32(head.subarray(0, 16))) !== head.readUInt32LE(16)) return null
  return { header: JSON.parse(json.toString()), bodyAt, bodyLength, bodyCrc: head.readUInt32LE(12), end: bodyAt + bodyLength }
}

/** Body of a frame; null when it is short or not what was written. */
export async function readBody(file: FileHandle, head: FrameHead): Promise<Buffer | null> {
  const body = await readExactly(file, head.bodyAt, head.bodyLength)
  return body && crc32(body) === head.bodyCrc ? body : null
}

async function readExactly(file: FileHandle, offset: number, length: number): Promise<Buffer | null> {
  const buffer = Buffer.allocUnsafe(length)
  let have = 0
  while (have < length) {
    const { bytesRead } = await file.read(buffer, have, length - have, offset + have)
    if (bytesRead === 0) return null
    have += bytesRead
  }
  return buffer
}
