import type { SimulatorConfig } from './options.ts'
import { mix } from './data/hash.ts'
import type { Sink, SinkStats } from './sink/sink.ts'
import { Peak } from './rate.ts'

/** What the simulator saw since its start or the last reset. Control routes (`/_sim/...`) are not counted. */
export interface SimulatorStats {
  requests: number
  /** Requests for data (pages and single records), refused ones included. */
  dataRequests: number
  /** By route; single records count under `/v1/{collection}/:id`, addresses that are none under `other`. */
  perPath: Record<string, number>
  /** Different data addresses that were answered 200, whole and unspoiled. */
  distinctDataUrls: number
  /** Whole 200 answers beyond the first for an identical address (path and query). */
  duplicates: number
  /** Up to 50 of those addresses and how often each was answered. */
  duplicateUrls: { url: string; times: number }[]
  /** The most data requests that arrived in any window of one second. */
  highestPerSecond: number
  /** The same for every configured budget. */
  highestPerWindow: { requests: number; perMs: number; highest: number }[]
  /** The most data requests under way at once. */
  highestConcurrency: number
  /** Answers by status, as they were meant (a cut-off page counts as 200, a reset or hang not at all). */
  statuses: Record<string, number>
  /** Faults fired, by kind. */
  faults: Record<string, number>
  tokensIssued: number
  refreshTokensIssued: number
  /** How often a single-use refresh token was presented again, whatever the answer to the first time was (used up, refused, lost). */
  refreshTokensUsedTwice: number
  unauthorized: number
  throttled: number
  /** Data requests that arrived while an announced Retry-After had not elapsed. */
  requestsDuringRetryAfter: number
  /** Records in whole, unspoiled answers. */
  recordsServed: number
  /** Writes to `/sink`. */
  sink: SinkStats
}

const LARGEST_URLS = 2_000_000
const LARGEST_LIST = 50

/** Collects the statistics in bounded memory. */
export class Recorder {
  readonly #config: SimulatorConfig
  #counts = zero()
  #urls = new Map<number, number>()
  #listed = new Map<string, number>()
  #second = new Peak(1000)
  #windows: { limit: SimulatorConfig['limits'][number]; peak: Peak }[] = []
  #pauses: { from: number; until: number }[] = []
  #underWay = 0
  readonly #sink: Sink

  constructor(config: SimulatorConfig, sink: Sink) {
    this.#config = config
    this.#sink = sink
  }

  get underWay(): number {
    return this.#underWay
  }

  request(route: string): void {
    this.#counts.requests++
    add(this.#counts.perPath, route)
  }

  /** A data request has arrived; gives its number, from 1. */
  dataRequest(now: number): number {
    this.#arrived(now)
    return ++this.#counts.dataRequests
  }

  /** A request to the sink has arrived: paced like a data request, counted by the sink. */
  sinkRequest(now: number): void {
    this.#arrived(now)
  }

  #arrived(now: number): void {
    this.#pauses = this.#pauses.filter((p) => p.until > now)
    if (this.#pauses.some((p) => p.from <= now)) this.#counts.requestsDuringRetryAfter++
    this.#second.add(now)
    const limits = this.#config.limits
    if (limits.length !== this.#windows.length || this.#windows.some((w, i) => w.limit !== limits[i])) this.#windows = limits.map((limit) => ({ limit, peak: new Peak(limit.perMs) }))
    for (const w of this.#windows) w.peak.add(now)
    this.#underWay++
    if (this.#underWay > this.#counts.highestConcurrency) this.#counts.highestConcurrency = this.#underWay
  }

  dataRequestOver(): void {
    this.#underWay--
  }

  status(status: number): void {
    add(this.#counts.statuses, `${status}`)
    if (status === 401) this.#counts.unauthorized++
    if (status === 429) this.#counts.throttled++
  }

  fault(kind: string): void {
    add(this.#counts.faults, kind)
  }

  /** A data answer has gone out whole. */
  served(url: string, records: number): void {
    this.#counts.recordsServed += records
    const key = hash(url)
    const times = (this.#urls.get(key) ?? 0) + 1
    if (times > 1 || this.#urls.size < LARGEST_URLS) this.#urls.set(key, times)
    if (times === 1) return
    this.#counts.duplicates++
    const shown = url.replace(/([?&]api_key=)[^&]*/, '$1...')
    if (this.#listed.has(shown) || this.#listed.size < LARGEST_LIST) this.#listed.set(shown, times)
  }

  /** `send` announces a Retry-After of `ms`. The wait may begin with the answer's first byte, so before `send` comes back: the caller may have it by then. */
  announced(ms: number, send: () => void): void {
    const until = performance.now() + ms
    send()
    if (ms > 0 && this.#pauses.length < 1000) this.#pauses.push({ from: performance.now() + this.#config.retryAfterGraceMs, until })
  }

  token(refresh: boolean): void {
    this.#counts.tokensIssued++
    if (refresh) this.#counts.refreshTokensIssued++
  }

  refreshUsedTwice(): void {
    this.#counts.refreshTokensUsedTwice++
  }

  /** A copy of everything counted. */
  snapshot(): SimulatorStats {
    return structuredClone({
      ...this.#counts,
      distinctDataUrls: this.#urls.size,
      duplicateUrls: [...this.#listed].map(([url, times]) => ({ url, times })),
      highestPerSecond: this.#second.highest,
      highestPerWindow: this.#windows.map(({ limit, peak }) => ({ ...limit, highest: peak.highest })),
      sink: this.#sink.stats(),
    })
  }

  /** Starts counting anew, also the numbers of data requests. An announced Retry-After and what is under way stay known. */
  reset(): void {
    this.#counts = zero()
    this.#sink.reset()
    this.#counts.highestConcurrency = this.#underWay
    this.#urls = new Map()
    this.#listed = new Map()
    this.#second = new Peak(1000)
    this.#windows = []
  }
}

function zero(): Omit<SimulatorStats, 'sink' | 'distinctDataUrls' | 'duplicateUrls' | 'highestPerSecond' | 'highestPerWindow'> {
  return {
    requests: 0, dataRequests: 0, perPath: {}, duplicates: 0, highestConcurrency: 0, statuses: {}, faults: {}, tokensIssued: 0, refreshTokensIssued: 0,
    refreshTokensUsedTwice: 0, unauthorized: 0, throttled: 0, requestsDuringRetryAfter: 0, recordsServed: 0,
  }
}

function add(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}

/** 53 bits of an address: two million of them collide with a chance of one in 4,500. */
function hash(text: string): number {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    a = Math.imul(a ^ c, 0x01000193)
    b = Math.imul(b ^ c, 0x5bd1e995) ^ (b >>> 15)
  }
  return (mix(a) & 0x1fffff) * 4294967296 + mix(b ^ a)
}
