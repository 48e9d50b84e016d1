import type { Activities, ParkRequest, PauseRequest, PrepareRequest } from '../../activities/types.ts'
import type { BackfillProgress } from '../../model/backfill.ts'
import type { PageResult, PageStop } from '../../model/run.ts'

/**
 * Activities without a source or a database, for tests of the workflows' own logic:
 * `script` says what each call of `page` answers, everything else follows from it.
 */
export function fakeActivities(script: ((call: number, position: number) => Partial<PageResult> & { stop: PageStop; records?: number })): {
  activities: Activities
  calls: { page: number; authenticate: number[]; posted: number[]; finished: unknown[]; parked: ParkRequest[]; paused: PauseRequest[]; prepared: PrepareRequest[]; map: number; unbegun: string[]; noted: BackfillProgress[] }
  set: { map?: (seq: number) => void }
} {
  const calls = { page: 0, authenticate: [] as number[], posted: [] as number[], finished: [] as unknown[], parked: [] as ParkRequest[], paused: [] as PauseRequest[], prepared: [] as PrepareRequest[], map: 0, unbegun: [] as string[], noted: [] as BackfillProgress[] }
  const set: { map?: (seq: number) => void } = {}
  const activities: Activities = {
    async begin({ sync }) {
      return { kind: 'run', plan: `plan of ${sync}`, streams: [{ name: 'orders', connection: 'c', table: 'public.t' }], searchAttributes: false }
    },
    async begun() {},
    async unbegin(request) {
      calls.unbegun.push(request.reason)
    },
    async prepare(request) {
      calls.prepared.push(request)
      return { epoch: 1 + request.round, seq: request.committed, position: request.committed ? { kind: 'page', page: request.committed } : null, since: null, resumed: false, needsToken: true, connection: 'fake', table: 'public.t', chunk: { ms: 1000, bytes: 1000, requests: 10 }, repeatable: true, guard: { rejects: 0.25, drop: 0.5 }, full: false, lastFull: null }
    },
    async authenticate({ seen }) {
      calls.authenticate.push(seen)
      return { version: calls.authenticate.length, expiresAt: null, refreshed: true }
    },
    async refresh({ seen }) {
      return { kind: 'fresh', version: seen + 1, issuedAt: null, expiresAt: null, renewable: false, for: 'run/stream' }
    },
    async page({ seq, position, run, stream }) {
      calls.page += 1
      const at = position?.kind === 'page' ? position.page : 0
      const { stop, records = 0, waitMs = 0, again = false } = script(calls.page, at)
      const chunk = records > 0 ? { run, stream, seq, segments: [], pages: 1, records, bytes: records } : null
      return { stop, chunk, position: { kind: 'page', page: at + (records > 0 ? 1 : 0) }, requests: 1, waitMs, tokenRefreshes: 0, again }
    },
    async map({ pages }) {
      calls.map += 1
      set.map?.(pages.seq)
      return { run: pages.run, stream: pages.stream, seq: pages.seq, file: 'f', rows: pages.records, bytes: 1, rejectsFile: '', rejected: 0, filtered: 0, read: pages.records, watermark: null }
    },
    async post({ rows }) {
      calls.posted.push(rows.seq)
      return { inserted: rows.rows, updated: 0, unchanged: 0, deleted: 0, refused: 0, repeated: false, stop: null }
    },
    async park(request) {
      calls.parked.push(request)
      return { signedIn: false }
    },
    async pause(request) {
      calls.paused.push(request)
    },
    async complete() {
      return { kind: 'done', removed: 0 }
    },
    async noteBackfill({ progress }) {
      calls.noted.push(progress)
    },
    async finish(receipt) {
      calls.finished.push(receipt)
    },
  }
  return { activities, calls, set }
}
