import { setMaxListeners } from 'node:events'
import { pathKeys } from '../model/index.ts'
import type { Position } from '../model/index.ts'
import { revive } from '../model/json/index.ts'
import type { ReadResult } from '../protocols/rest/index.ts'
import { openSource } from '../protocols/source/index.ts'
import { calledAt, stands, TOKEN } from './account.ts'
import { textAt } from './double/extract.ts'
import { startProxy } from './proxy.ts'
import { startWire } from './wire.ts'
import type { Bench, ReadOnce, ReadOutcome, StartOptions, Subject } from './types.ts'

/** Calls after which a scan counts as one that never ends. */
const MOST_CALLS = 500

/** Starts the server of a subject and the proxy in front of it, and gives what a case works with. */
export async function openBench(subject: Subject, options: StartOptions): Promise<Bench & { close(): Promise<void> }> {
  const running = await subject.start(options)
  const over = subject.over ?? 'http'
  const proxy = await (over === 'http' ? startProxy(running.url) : startWire(running.url))
  const source = over === 'http' ? calledAt(proxy.url, running.source) : { ...running.source, baseUrl: proxy.url }
  const resolve = stands(running.values)
  const keyOf = (record: unknown): string => {
    const whole: unknown = revive(record)
    return running.stream.key.length === 0 ? JSON.stringify(whole) : running.stream.key.map((path) => textAt(whole, pathKeys(path).join('.')) ?? '').join('/')
  }

  // The clock of the reader: what a workflow would wait for is skipped.
  let skipped = 0
  const now = (): number => Date.now() + skipped
  const read = async (once: ReadOnce = {}): Promise<ReadOutcome> => {
    let reached = once.position ?? null
    const reader = openSource({ source, stream: running.stream, resolve, databaseUrl: '', projectDir: running.projectDir ?? '.' })
    const signal = once.signal ?? new AbortController().signal
    setMaxListeners(0, signal)
    const outcome: Omit<ReadOutcome, 'result'> = { keys: [], bodies: [], notices: [] }
    try {
      const result = await reader.read({
        position: once.position ?? null,
        since: once.since ?? null,
        budget: { untilMs: Infinity, bytes: Infinity, requests: once.requests ?? Infinity },
        token: once.token ?? (async () => TOKEN),
        pacer: null,
        signal,
        inTurn: once.inTurn ?? false,
        now,
        onNotice: (notice) => void outcome.notices.push(notice.message),
        onPage: async (page) => {
          await once.onPage?.(outcome.bodies.length)
          outcome.bodies.push(page.body)
          outcome.keys.push(...page.list.map(keyOf))
          reached = page.next
        },
      })
      return { result, ...outcome }
    } catch (error) {
      if (!once.signal?.aborted) throw error
      // A process that was killed goes on behind the last page it had handed over.
      return { result: { stop: { kind: 'interrupted', type: 'Transient', reason: 'killed', untilMs: 0 }, position: reached, requests: 0 }, ...outcome }
    } finally {
      await reader.close()
    }
  }
  const toEnd = async ({ calls = MOST_CALLS, ...once }: ReadOnce & { calls?: number } = {}): Promise<ReadOutcome & { results: ReadResult[] }> => {
    const all: ReadOutcome & { results: ReadResult[] } = { result: null as never, results: [], keys: [], bodies: [], notices: [] }
    let position: Position | null = once.position ?? null
    for (let call = 0; call < calls; call++) {
      const part = await read({ ...once, position })
      all.keys.push(...part.keys)
      all.bodies.push(...part.bodies)
      all.notices.push(...part.notices)
      all.results.push(part.result)
      all.result = part.result
      const { stop } = part.result
      if (stop.kind !== 'more' && stop.kind !== 'throttled') return all
      if (stop.kind === 'throttled') skipped += Math.max(0, stop.untilMs - now())
      position = part.result.position === null ? null : (JSON.parse(JSON.stringify(part.result.position)) as Position)
    }
    throw new Error(`no end after ${calls} calls`)
  }
  return {
    subject, running, proxy, databaseUrl: options.databaseUrl, read, toEnd,
    close: async () => {
      await proxy.close()
      await running.close()
    },
  }
}
