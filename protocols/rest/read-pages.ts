import { abortError } from '../http/index.ts'
import { readJob } from './job.ts'
import { readNested } from './nested.ts'
import { readParents } from './parent.ts'
import { readPass } from './pass.ts'
import type { ReadOptions, ReadResult } from './types.ts'
import { readWindows } from './window.ts'

/** Reads pages from a position, as `readPages`. */
export type Read = (options: ReadOptions) => Promise<ReadResult>

/**
 * Reads pages from a position until the end, the budget, or something that only the caller can handle. Every expected stop is
 * returned. Thrown are only: the AbortError of the signal, and what `onPage`, `token` or `pacer` throw.
 * Budgets end the beginning of pages; pages already under way are still handed over.
 *
 * A scan is one pass over the pages of a query, or many: one for each parent, window and job. Each layer wraps the positions of what it
 * goes through, so that a scan goes on in the middle of all of them.
 */
export async function readPages(options: ReadOptions): Promise<ReadResult> {
  const { signal, reader } = options
  if (signal.aborted) throw abortError(signal)
  const { nested, parent, window, job } = reader.stream
  let read: Read = readPass
  if (nested.length > 0) read = layer(readNested, read)
  if (job) read = layer(readJob, read)
  if (window) read = layer(readWindows, read)
  if (parent) read = layer(readParents, read)
  return read(options)
}

function layer(through: (options: ReadOptions, read: Read) => Promise<ReadResult>, read: Read): Read {
  return (options) => through(options, read)
}
