import { abortError } from '../http/index.ts'
import { readAhead } from './ahead.ts'
import { createCall } from './call.ts'
import { readInTurn } from './in-turn.ts'
import { orStop } from './stops.ts'
import type { ReadOptions, ReadResult } from './types.ts'

/**
 * Reads pages from a position until the end, the budget, or something that only the caller can handle. Every expected stop is
 * returned. Thrown are only: the AbortError of the signal, and what `onPage`, `token` or `pacer` throw.
 * Budgets end the beginning of pages; pages already under way are still handed over.
 */
export async function readPages(options: ReadOptions): Promise<ReadResult> {
  const { signal, reader } = options
  if (signal.aborted) throw abortError(signal)
  const call = orStop(() => createCall(options))
  if ('stop' in call) return { stop: call.stop, position: options.position, requests: 0 }
  const { page } = reader.stream
  const stop = await (page.kind === 'page' || page.kind === 'offset' ? readAhead(call, page) : readInTurn(call))
  return { stop, position: stop.kind === 'done' ? null : call.position, requests: call.requests }
}
