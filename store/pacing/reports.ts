import type { HeardLimits, RequestEnd } from '../../model/pacer.ts'
import type { Use } from './permit.ts'
import type { Ask, Report } from './wire.ts'

const NEVER_MS = 1e6

/** What has happened since the database was last told. */
export class Reports {
  /** Successes are told at once: the account was in trouble. */
  urgent = false
  #ended: NonNullable<Ask['ended']> = []
  #report: Report | null = null
  #told: (() => void)[] = []
  #lastHeard = ''
  #telling = false
  readonly #recent: number[] = []

  /** A failure or refusal is known here that the database may not know yet: nothing is sent until it has judged it. */
  get troubled(): boolean {
    return this.#telling || this.#isTrouble(this.#report)
  }

  get pending(): boolean {
    return this.#ended.length > 0 || this.#report !== null
  }

  /** Notes the end of a request. `urgent`: the database should hear it now (`news`: for another reason); `told` resolves when it has. */
  add(use: Use, end: RequestEnd, heard: HeardLimits | null, quickMs: number, news = false): { told: Promise<void>; urgent: boolean } {
    const took = use.endedAt - use.sentAt
    if (use.n !== null) {
      if (end.kind === 'unused') this.#ended.push([use.n, 0, 0, 0])
      else {
        const answered = end.kind === 'ok' || end.kind === 'throttled'
        // Without an answer nobody knows how long it lies before the server.
        this.#ended.push([use.n, round(use.sentAt - use.askedAt), answered ? round(Math.max(0, took - quickMs)) : NEVER_MS, answered ? round(use.endedAt - use.askedAt) : null])
      }
    }
    if (end.kind !== 'unused') this.#count(use.sentAt)
    let urgent = news
    if (end.kind === 'ok' || end.kind === 'throttled') {
      if (this.urgent || this.#report !== null || use.probe) {
        const report = (this.#report ??= empty())
        report.ok = true
        report.fails = 0
        urgent = true
      }
    }
    if (end.kind === 'failed') {
      const report = (this.#report ??= empty())
      report.fails++
      report.type = end.type
      report.reason = end.reason
      urgent = true
    }
    if (end.kind === 'throttled') {
      const report = (this.#report ??= empty())
      const ms = end.untilMs === null ? null : Math.max(0, end.untilMs - Date.now())
      const before = report.throttled
      report.throttled = before && (before.ms ?? 0) > (ms ?? 0) ? before : { ms, sentAgo: performance.now() - use.sentAt, reason: end.reason.slice(0, 300), rate: this.#recent.length }
      urgent = true
    }
    if (use.probe && end.kind !== 'ok') {
      ;(this.#report ??= empty()).probe = true
      urgent = true
    }
    if (heard && heard.windows.length > 0 && this.#isNews(heard, use.n !== null)) {
      const report = (this.#report ??= empty())
      report.heard = heard
      report.n = use.n
      urgent ||= use.n === null || heard.remaining === 0
    }
    return { urgent, told: urgent ? new Promise((done) => this.#told.push(done)) : Promise.resolve() }
  }

  /** Takes what is to be told; `failed` puts it back if it may be told again. */
  take(using: number): { question: Pick<Ask, 'ended' | 'report'>; done(): void; failed(again: boolean): void } {
    const ended = this.#ended
    const report = this.#report
    const told = this.#told
    this.#ended = []
    this.#report = null
    this.#told = []
    this.#telling = this.#isTrouble(report)
    const settle = () => {
      this.#telling = false
      told.forEach((done) => done())
    }
    return {
      question: { ...(ended.length > 0 && { ended }), ...(report && { report: { ...report, using } }) },
      done: settle,
      failed: (again) => {
        if (again) {
          this.#ended = [...ended, ...this.#ended].slice(-1_000)
          this.#report = this.#report ?? report
        }
        // They find out for themselves: nobody waits for a database that is gone.
        settle()
      },
    }
  }

  #isTrouble(report: Report | null): boolean {
    return report !== null && (report.fails > 0 || report.throttled !== undefined)
  }

  /** Requests sent in the last second. */
  #count(sentAt: number): void {
    this.#recent.push(sentAt)
    while (this.#recent.length > 0 && this.#recent[0]! < sentAt - 1_000) this.#recent.shift()
  }

  /** Where every request asks anyway all is told; else only what changes something. */
  #isNews(heard: HeardLimits, counted: boolean): boolean {
    const key = JSON.stringify(heard.windows)
    const changed = key !== this.#lastHeard
    this.#lastHeard = key
    const least = Math.min(...heard.windows.map((w) => w.requests))
    return counted || changed || (heard.remaining !== null && heard.remaining <= least / 5)
  }
}

function empty(): Report {
  return { ok: false, fails: 0, type: 'Transient', reason: '', probe: false, using: 0 }
}

const round = (ms: number): number => Math.ceil(ms * 100) / 100
