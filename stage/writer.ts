import { randomBytes } from 'node:crypto'
import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { FrameWriter } from '../model/ports.ts'
import type { Segment } from '../model/run.ts'
import { encodeFrame, pageHeader } from './frame.ts'
import { segmentFiles } from './resume.ts'

/** A writer of a new segment file that goes on behind `adopted`. `blame`: what its errors are thrown as. */
export async function segmentWriter(folder: string, adopted: Segment[], blame: (error: unknown) => unknown, closed: (segment: Segment) => void): Promise<FrameWriter> {
  const blaming = <R>(work: Promise<R>): Promise<R> => work.catch((error: unknown) => {
    throw blame(error)
  })
  await blaming(mkdir(folder, { recursive: true, mode: 0o700 }))
  const attempt = ((await segmentFiles(folder))[0]?.attempt ?? 0) + 1
  // The random part keeps a file name from ever meaning another file than the one a step was told of.
  const name = `a${attempt}-${randomBytes(6).toString('hex')}.pages`
  const file = await blaming(open(join(folder, name), 'ax', 0o600))
  const segment: Segment = { file: name, bytes: 0, frames: 0 }
  const write = async (parts: Buffer[], frames: number) => {
    await blaming(writeAll(file, parts))
    segment.bytes += parts.reduce((sum, p) => sum + p.length, 0)
    segment.frames += frames
  }
  // One after the other. After a failed write nothing more may follow: the file may end in half a frame.
  let tail = write(encodeFrame({ adopted }, Buffer.alloc(0)), 0)
  let done: Promise<Segment> | null = null
  const finish = async () => {
    const failed = await tail.then(() => null, (error: unknown) => ({ error }))
    // Not synced: what a crash of the machine takes is noticed (length, checksum) and read again from the source.
    await blaming(file.close())
    if (failed) throw failed.error
    closed({ ...segment })
    return { ...segment }
  }
  await tail.catch(async (error: unknown) => {
    await file.close()
    throw error
  })
  return {
    append(frame) {
      if (done) return Promise.reject(new Error('the segment is closed'))
      tail = tail.then(() => write(encodeFrame(pageHeader(frame), frame.body), 1))
      tail.catch(() => {})
      return tail
    },
    close: () => (done ??= finish()),
  }
}

async function writeAll(file: FileHandle, parts: Buffer[]): Promise<void> {
  let left = parts
  while (left.length > 0) {
    let { bytesWritten } = await file.writev(left)
    left = left.flatMap((part) => {
      const skip = Math.min(bytesWritten, part.length)
      bytesWritten -= skip
      return skip < part.length ? [part.subarray(skip)] : []
    })
  }
}
