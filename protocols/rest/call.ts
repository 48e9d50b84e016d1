import type { PageRead, PageStop, Position, Token } from '../../model/index.ts'
import { createHint } from './hint.ts'
import { createJudge } from './judge.ts'
import type { Judge } from './judge.ts'
import { createPageReader } from './page-reader.ts'
import type { PageReader } from './page-reader.ts'
import { createRequests } from './requests.ts'
import type { Requests } from './requests.ts'
import type { ReadOptions } from './types.ts'

/** State of one call of readPages. */
export interface Call {
  readonly options: ReadOptions
  readonly build: Requests
  readonly read: PageReader
  readonly judge: Judge
  /** Guesses the next cursor from a page's bytes; null when the paging gives nothing to guess. */
  readonly hint: ((body: Buffer) => string | null) | null
  readonly now: () => number
  /** Requests sent. */
  requests: number
  /** Pages begun, including those that have not been sent yet. */
  begun: number
  /** Pages handed over. */
  handed: number
  /** Decoded bytes of whole pages. */
  bytes: number
  /** Whole pages received. */
  received: number
  /** A page under way has failed: nothing further is begun. */
  failed: boolean
  /** Behind the last page handed over. */
  position: Position | null
  /** The token in use; read again when it has run out. */
  token: Promise<Token | null> | null
}

export function createCall(options: ReadOptions): Call {
  return {
    options,
    build: createRequests(options.reader, { since: options.since, until: options.until, vars: options.vars ?? {} }),
    read: createPageReader(options.reader, options.raw ?? false),
    judge: createJudge(options.reader.source, options.reader.stream),
    hint: createHint(options.reader.stream),
    now: options.now ?? Date.now,
    requests: 0,
    begun: 0,
    handed: 0,
    bytes: 0,
    received: 0,
    failed: false,
    position: options.position,
    token: null,
  }
}

/** Another page may be begun: the budget is not used up, also when the pages under way are as large as those before. */
export function mayBegin(call: Call): boolean {
  const { budget } = call.options
  const underWay = Math.max(0, call.begun - call.received)
  const expected = call.received === 0 ? 0 : (call.bytes / call.received) * underWay
  return !call.failed && call.now() < budget.untilMs && call.bytes + expected < budget.bytes && Math.max(call.requests, call.begun) < budget.requests
}

/** Gives a page to the caller; afterwards reading goes on behind it. */
export async function handOver(call: Call, page: Omit<PageRead, 'parent'>): Promise<void> {
  await call.options.onPage({ ...page, parent: null })
  call.handed++
  call.position = page.next
}

export const DONE: PageStop = { kind: 'done' }
export const MORE: PageStop = { kind: 'more' }
