import { fraction } from '../../simulator/data/hash.ts'
import type { FaultKind } from '../../simulator/index.ts'
import type { ChaosOptions } from './options.ts'

export type Part = 'worker' | 'temporal' | 'postgres'

/** A SIGKILL: when the API has served this many pages, or before that with the first rows being loaded since the last kill. */
export interface Kill {
  page: number
  part: Part
  when: 'page' | 'post'
}

/** Everything that will go wrong: a function of the options alone. */
export interface Schedule {
  kills: Kill[]
  /** Faults of the API by number of the request. */
  faultAt: Record<string, FaultKind>
  /** Connections between worker and API, and between worker and destination, that a proxy spoils. */
  proxied: number
  database: number
  /** Request from which on all cursors given out before are refused; null for never. */
  expireCursorsAt: number | null
  /** Pages after which records change at the source. */
  moves: number[]
}

const ALL = ['worker', 'temporal', 'postgres', 'api', 'database'] as const
const KINDS: FaultKind[] = [
  'status:500', 'status:502', 'status:503', 'status:503:retry-after', 'status:429', 'status:429:retry-after', 'hang', 'slow', 'reset', 'reset-after-head', 'cut', 'cut-chunked',
  'truncated-gzip', 'garbage-html', 'garbage-json', 'wrong-length', 'empty-body',
]
/** Requests in a row that are told to come back later. */
const STORM = 4

export function pagesOf({ records, pageSize }: Pick<ChaosOptions, 'records' | 'pageSize'>): number {
  return Math.ceil(records / pageSize)
}

/** The schedule of a run. Throws when there are fewer pages than faults. */
export function scheduleOf(o: ChaosOptions): Schedule {
  const last = Math.floor(pagesOf(o) * 0.9)
  if (o.kills > last - 2) throw new Error(`${o.kills} faults need more than ${Math.ceil((o.kills + 3) / 0.9)} pages: raise --records or lower --page-size`)
  const at = distinct(o.seed, o.kills, 2, last)
  const draw = (n: number, salt: number): number => fraction(o.seed ^ salt, n)
  const schedule: Schedule = { kills: [], faultAt: {}, proxied: 0, database: 0, expireCursorsAt: null, moves: [] }
  const api: number[] = []
  for (const [n, page] of at.entries()) {
    const drawn = o.target === 'all' ? ALL[Math.floor(draw(n, 0x616c6c) * ALL.length)]! : o.target
    // Few connections load rows, and each fault takes one.
    const kind = drawn === 'database' && schedule.database > o.kills / 20 ? 'api' : drawn
    if (kind === 'api') api.push(page)
    else if (kind === 'database') schedule.database += 1
    else if (kind !== 'zombie') schedule.kills.push({ page, part: kind, when: draw(n, 0x706f7374) < 0.3 ? 'post' : 'page' })
  }
  if (api.length > 0) placeApiFaults(schedule, o, api, draw)
  return schedule
}

function placeApiFaults(schedule: Schedule, o: ChaosOptions, requests: number[], draw: (n: number, salt: number) => number): void {
  let left = [...requests]
  const byCursor = o.paging === 'cursor'
  if (byCursor) {
    schedule.moves = [0.2, 0.4, 0.6].map((share) => Math.floor(pagesOf(o) * share))
    if (left.length >= 10) schedule.expireCursorsAt = left.splice(Math.floor(left.length / 2), 1)[0]!
  }
  schedule.proxied = Math.floor(left.length / 5)
  left = left.slice(schedule.proxied)
  for (const [n, request] of left.entries()) schedule.faultAt[request] = KINDS[Math.floor(draw(n, 0x6b696e64) * KINDS.length)]!
  // A storm: the first faults move together.
  if (left.length >= 4 * STORM) {
    for (const request of left.slice(0, STORM)) delete schedule.faultAt[request]
    let request = left[STORM]!
    for (let n = 0; n < STORM; request += 1) {
      if (schedule.faultAt[request]) continue
      schedule.faultAt[request] = 'status:429:retry-after'
      n += 1
    }
  }
}

/** `count` different whole numbers from `from` to `to`, ascending. */
function distinct(seed: number, count: number, from: number, to: number): number[] {
  const all = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  for (let i = 0; i < count; i += 1) {
    const j = i + Math.floor(fraction(seed ^ 0x7061676573, i) * (all.length - i))
    ;[all[i], all[j]] = [all[j]!, all[i]!]
  }
  return all.slice(0, count).sort((a, b) => a - b)
}
