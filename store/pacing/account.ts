import type pg from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import type { Closed, HeardLimits, Permit, RequestEnd } from '../../model/pacer.ts'
import { pgError } from '../postgres.ts'
import { ALLOWANCE, closure, OTHERS, POINTS, ROOM } from './closures.ts'
import { createPermit, type Use } from './permit.ts'
import { Room } from './room.ts'
import { Points } from './points.ts'
import { Quick } from './quick.ts'
import { Reports } from './reports.ts'
import { Turns, type Waiter } from './turns.ts'
import { ask, type Answer } from './wire.ts'

/** Waits up to this long stay inside `enter`. */
export const MAX_WAIT_MS = 10_000
/** While requests go on, the other processes hear of this one this often, and it of them. */
const BEAT_MS = 200
/** Slots that were not confirmed for so long are not used without asking. */
const STALE_MS = 1_500
/** A dropped request may still be under way at the server. */
const DROPPED_MS = 100
const DECLARE_MS = 60_000
const RETRY_MS = 250

const CLOSED = (): IsthmusError => new IsthmusError('Transient', 'the store was closed')

export interface AccountOptions {
  pool: pg.Pool
  account: string
  process: string
  limits: { requests: number; ms: number }[]
  concurrency: number
  /** The breaker of this account was closed by an answer that this process got. */
  onClosed(opening: number): void
}

/** The requests of one account in this process: who waits, who is under way, and the talk with the database about it. */
export class Account {
  readonly #options: AccountOptions
  readonly #turns = new Turns()
  readonly #quick = new Quick()
  readonly #reports = new Reports()
  readonly #points = new Points()
  readonly #room: Room
  #using = 0
  /** Most requests under way or waiting since the last beat. */
  #peak = 0
  #slots = 0
  #answer: Answer | null = null
  #heardAt = -Infinity
  #declaredAt = -Infinity
  #closed: Closed | null = null
  #asking = false
  #again = false
  /** Nothing new is to be had before. Of `performance.now()`. */
  #quietUntil = 0
  #timer: NodeJS.Timeout | null = null
  #failedSince: number | null = null
  #ended = false
  #idle: (() => void)[] = []

  constructor(options: AccountOptions) {
    this.#options = options
    this.#room = new Room(options)
  }

  enter(waiter: Waiter): void {
    if (this.#ended) return waiter.fail(CLOSED())
    if (this.#fast(waiter)) return waiter.settle(this.#permit(null, false, waiter, performance.now()))
    this.#turns.add(waiter)
    if (waiter.priority === 'interactive' || this.#slots <= this.#using || performance.now() >= this.#quietUntil) this.poke()
  }

  leave(waiter: Waiter): boolean {
    return this.#turns.remove(waiter)
  }

  closed(): Closed | null {
    return this.#closed && this.#closed.untilMs > Date.now() ? this.#closed : null
  }

  /** Asks the database soon. */
  poke(): void {
    if (this.#ended) return
    this.#again = true
    if (this.#asking) return
    this.#asking = true
    // Calls that begin in the same moment share one question.
    setImmediate(() => void this.#talk())
  }

  /** Nothing is asked any more; those who wait fail. */
  async close(): Promise<void> {
    this.#ended = true
    if (this.#timer) clearTimeout(this.#timer)
    if (this.#asking) await new Promise<void>((done) => this.#idle.push(done))
    for (const w of this.#turns.all()) if (this.#turns.remove(w)) w.fail(CLOSED())
  }

  /** Slots that are confirmed are used again without asking, while no window counts requests and nothing is closed. */
  #fast({ priority }: Waiter): boolean {
    return this.#turns.size === 0 && this.#free() && (priority !== 'background' || (this.#turns.background === 0 && this.#room.free(performance.now()) > 0))
  }

  /** Calls that may go now: all but those of backfills, and of these as many as leave room for others. */
  #ready(now: number): number {
    const { size, background } = this.#turns
    const free = Math.min(background, this.#room.free(now))
    return size + (size === 0 ? free : this.#turns.aged(now) ? Math.min(1, free) : 0)
  }

  /** A slot of this process may be used without asking. */
  #free(): boolean {
    const answer = this.#answer
    return answer !== null && !answer.paced && !answer.down && !this.#reports.troubled && this.closed() === null && this.#using < this.#slots && performance.now() - this.#heardAt < STALE_MS
  }

  async #talk(): Promise<void> {
    while (this.#again && !this.#ended) {
      this.#again = false
      const askedAt = performance.now()
      const report = this.#reports.take(this.#using)
      const points = this.#points.take()
      const cost = this.#points.cost(this.#turns.streams())
      const waiting = this.#ready(askedAt)
      this.#peak = Math.max(this.#peak, this.#using + waiting)
      const declare = askedAt - this.#declaredAt > DECLARE_MS
      const { pool, account, process, limits, concurrency } = this.#options
      try {
        const answer = await ask(pool, account, process, {
          cap: concurrency, using: this.#using, waiting, interactive: this.#turns.interactive, demand: this.#peak, quick: Math.floor(this.#quick.ms),
          ...(declare && { limits: [[concurrency, 0], ...limits.map((l): [number, number] => [l.requests, l.ms])] }),
          ...report.question,
          ...(cost !== undefined && { cost }),
          ...(points.costs && { costs: points.costs }),
        })
        if (declare) this.#declaredAt = askedAt
        this.#failedSince = null
        report.done()
        this.#apply(answer, askedAt)
      } catch (error) {
        const known = pgError(error, 'The database of Isthmus')
        const passing = known instanceof IsthmusError && known.retryable
        report.failed(passing)
        if (passing) points.back()
        this.#failed(known, passing)
        break
      }
    }
    this.#asking = false
    for (const done of this.#idle.splice(0)) done()
  }

  #apply(answer: Answer, askedAt: number): void {
    const now = performance.now()
    this.#answer = answer
    this.#heardAt = now
    this.#slots = answer.slots
    this.#room.heard(answer)
    this.#closed = closure(this.#options.account, answer)
    this.#reports.urgent = answer.failing
    if (answer.costs) this.#points.know()
    if (answer.closed !== null) this.#options.onClosed(answer.closed)
    for (let i = 0; i < answer.count; i++) this.#serve(answer.first + i, answer.probe, askedAt)
    if (!answer.paced && this.#closed === null) {
      for (let one = true; one && this.#ready(now) > 0 && this.#using < this.#slots && !this.#reports.troubled; one = !answer.probe) this.#serve(null, answer.probe, askedAt)
    }
    this.#quietUntil = answer.why === '' || answer.why === 'probe' ? 0 : now + answer.waitMs
    this.#sendAway(answer, now, askedAt)
    this.#schedule(answer)
  }

  #serve(n: number | null, probe: boolean, askedAt: number): void {
    // What became known since the question was asked counts too.
    const waiter = this.#reports.troubled ? undefined : this.#turns.take(this.#room.free(performance.now()) > 0)
    const permit = this.#permit(n, probe, waiter, askedAt)
    if (waiter) waiter.settle(permit)
    else void permit.release({ kind: 'unused' })
  }

  #permit(n: number | null, probe: boolean, waiter: Waiter | undefined, askedAt: number): Permit {
    const background = waiter?.priority === 'background'
    if (background) this.#room.enter(performance.now())
    this.#using++
    this.#peak = Math.max(this.#peak, this.#using)
    return createPermit(n, probe, waiter?.stream ?? '', askedAt, (use, end, heard) => {
      if (background) this.#room.leave()
      return this.#end(use, end, heard)
    })
  }

  #end(use: Use, end: RequestEnd, heard: HeardLimits | null): Promise<void> {
    const answered = end.kind === 'ok' || end.kind === 'throttled'
    if (answered) this.#quick.add(use.endedAt - use.sentAt)
    const news = this.#points.add(use, end, heard)
    const { told, urgent } = this.#reports.add(use, end, heard, this.#quick.ms, news)
    if (end.kind === 'dropped') setTimeout(() => this.#over(), DROPPED_MS).unref()
    else this.#over()
    if (urgent && !this.#ended) {
      this.poke()
      return told
    }
    return Promise.resolve()
  }

  /** A request is over: its slot goes to the next one here, or back. */
  #over(): void {
    this.#using--
    const answer = this.#answer
    if (this.#ready(performance.now()) > 0) {
      if (this.#free()) this.#serve(null, false, performance.now())
      else if (performance.now() >= this.#quietUntil) this.poke()
    } else if (answer !== null && answer.active > 1 && this.#using >= this.#slots) {
      // Others wait for it.
      this.poke()
    }
  }

  /** Calls that would wait longer than they may are given back, with the moment at which their turn should come. */
  #sendAway(answer: Answer, now: number, askedAt: number): void {
    const closed = this.#closed
    const why = answer.why === 'hold' ? OTHERS : answer.why === 'cost' ? POINTS : ALLOWANCE
    let place = 0
    for (const waiter of this.#turns.all()) {
      const waited = now - waiter.since
      const left = MAX_WAIT_MS - waited
      const paced = answer.paced ? answer.waitMs + place++ * answer.gapMs * answer.active : 0
      const wait = closed ? closed.untilMs - Date.now() : waiter.priority === 'background' ? 0 : paced
      if (wait <= left && left > 0) continue
      // The answer is not about those who came after its question.
      if (waiter.since > askedAt && closed === null) {
        this.#again = true
        continue
      }
      if (!this.#turns.remove(waiter)) continue
      waiter.settle(closed && wait >= left ? closed : { kind: 'throttled', untilMs: Math.ceil(Date.now() + Math.max(wait, 1_000)), reason: waiter.priority === 'background' ? ROOM : answer.paced ? why : 'requests under way at once', type: 'RateLimited', opening: 0 })
    }
  }

  #schedule(answer: Answer): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    const now = performance.now()
    const waiting = this.#ready(now) > 0
    const later = this.#turns.background > 0
    const busy = this.#using > 0 || waiting || later || this.#peak > 0 || this.#reports.pending || this.#points.pending
    if (!busy || this.#ended) return
    // Waits for slots of other processes are polled; own ones wake those who wait.
    const slotPoll = this.#using > 0 ? 50 : 25
    const wait = !waiting ? Math.min(BEAT_MS, later ? Math.max(5, this.#room.at - now) : Infinity) : Math.min(BEAT_MS, answer.why === '' && answer.waitMs === 0 ? slotPoll * (0.75 + Math.random() / 2) : Math.ceil(answer.waitMs))
    this.#timer = setTimeout(() => {
      this.#peak = this.#using + this.#ready(performance.now())
      this.poke()
    }, Math.max(wait, 1))
    if (!waiting && !later) this.#timer.unref()
  }

  /** The database does not answer: those who wait do so a while longer, then fail with what it was. */
  #failed(error: unknown, passing: boolean): void {
    const now = performance.now()
    this.#failedSince ??= now
    for (const waiter of this.#turns.all()) {
      if ((!passing || now - waiter.since > MAX_WAIT_MS) && this.#turns.remove(waiter)) waiter.fail(error)
    }
    if (this.#turns.size + this.#turns.background === 0 && this.#using === 0 && now - this.#failedSince > 60_000) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.poke(), RETRY_MS)
    if (this.#turns.size === 0) this.#timer.unref()
  }
}
