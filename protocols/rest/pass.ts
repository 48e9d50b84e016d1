import { readAhead } from './ahead.ts'
import { createCall } from './call.ts'
import { readInTurn } from './in-turn.ts'
import { orStop } from './stops.ts'
import type { ReadOptions, ReadResult } from './types.ts'

/** Reads the pages of one query. */
export async function readPass(options: ReadOptions): Promise<ReadResult> {
  const call = orStop(() => createCall(options))
  if ('stop' in call) return { stop: call.stop, position: options.position, requests: 0 }
  const { page } = options.reader.stream
  const stop = await (page.kind === 'page' || page.kind === 'offset' ? readAhead(call, page) : readInTurn(call))
  return { stop, position: stop.kind === 'done' ? null : call.position, requests: call.requests }
}
