import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Stream } from '../../model/index.ts'
import { createDecoder } from '../formats/index.ts'
import { abortError } from '../http/index.ts'
import type { ReadResult } from '../rest/index.ts'
import type { SourceRead } from '../source/types.ts'

/** Bytes of one page, more where a line is longer. */
const PAGE_BYTES = 256 * 1024
const LINE_FEED = 0x0a

/** Reads pages of whole lines from a byte on. Stops as `readPages` does; a file that is not there is refused. */
export async function readStagedFile(projectDir: string, stream: Stream, options: SourceRead): Promise<ReadResult> {
  const { budget, signal, now = Date.now } = options
  const decode = createDecoder(stream)
  let { position } = options
  let bytes = 0
  let pages = 0
  let file: FileHandle
  try {
    file = await open(join(projectDir, stream.file!.path), 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { stop: { kind: 'refused', type: 'NotFound', reason: `the staged file ${stream.file!.path} is not here`, field: 'file', cure: 'run the worker in the project where the file was posted, or post it again' }, position, requests: 0 }
  }
  try {
    const { size } = await file.stat()
    for (;;) {
      if (signal.aborted) throw abortError(signal)
      const offset = position?.kind === 'byte' ? position.offset : 0
      const body = await wholeLines(file, offset, size)
      const list = body.length === 0 ? [] : (decode(body, { revive: false }) as unknown[])
      const end = offset + body.length
      const last = end >= size
      const next = last ? null : ({ kind: 'byte', offset: end } as const)
      await options.onPage({ body, records: list.length, list, next, last, parent: null, mark: null, total: null })
      position = next
      bytes += body.length
      pages += 1
      if (last) return { stop: { kind: 'done' }, position: null, requests: 0 }
      if (now() >= budget.untilMs || bytes >= budget.bytes || pages >= budget.requests) return { stop: { kind: 'more' }, position, requests: 0 }
    }
  } finally {
    await file.close()
  }
}

async function wholeLines(file: FileHandle, offset: number, size: number): Promise<Buffer> {
  for (let want = PAGE_BYTES; ; want *= 2) {
    const buffer = Buffer.allocUnsafe(Math.min(want, size - offset))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
    const found = buffer.subarray(0, bytesRead)
    if (offset + bytesRead >= size) return found
    const end = found.lastIndexOf(LINE_FEED)
    if (end >= 0) return found.subarray(0, end + 1)
  }
}
