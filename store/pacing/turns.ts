import type { Closed, Permit, Priority } from '../../model/pacer.ts'

/** A call that waits for its permit. */
export interface Waiter {
  stream: string
  priority: Priority
  /** Of `performance.now()`. */
  since: number
  settle(result: Permit | Closed): void
  fail(error: unknown): void
}

const REMEMBERED = 10_000

/** Calls of backfills go first when they have waited for so long, one at a time: they never stop for ever. */
const AGED_MS = 5_000

/** Who waits in this process: interactive calls first, then the stream that was served longest ago, then backfills. A stream that was sent away keeps its turn. */
export class Turns {
  readonly #bulk = new Map<string, Waiter[]>()
  readonly #interactive: Waiter[] = []
  /** Of backfills, in the order they came. */
  readonly #background: Waiter[] = []
  #agedAt = -Infinity
  readonly #turn = new Map<string, number>()
  #clock = 0
  #size = 0

  /** All but those of backfills. */
  get size(): number {
    return this.#size + this.#interactive.length
  }

  get background(): number {
    return this.#background.length
  }

  /** A call of a backfill has waited so long that it goes before others. */
  aged(now: number): boolean {
    const [first] = this.#background
    return first !== undefined && now - Math.max(first.since, this.#agedAt) > AGED_MS
  }

  get interactive(): number {
    return this.#interactive.length
  }

  /** Calls of streams, one call of each in turn: the order in which they will be served. */
  *bulk(): Generator<Waiter> {
    const streams = this.#streams()
    for (let round = 0, found = true; found; round++) {
      found = false
      for (const name of streams) {
        const waiter = this.#bulk.get(name)?.[round]
        if (waiter) {
          found = true
          yield waiter
        }
      }
    }
  }

  add(waiter: Waiter): void {
    if (waiter.priority === 'interactive') {
      this.#interactive.push(waiter)
      return
    }
    if (waiter.priority === 'background') {
      this.#background.push(waiter)
      return
    }
    const own = this.#bulk.get(waiter.stream)
    if (own) own.push(waiter)
    else this.#bulk.set(waiter.stream, [waiter])
    if (!this.#turn.has(waiter.stream)) this.#remember(waiter.stream)
    this.#size++
  }

  /** The next one, taken out; undefined when nobody waits. `background`: one of a backfill may be it. */
  take(background: boolean): Waiter | undefined {
    const urgent = this.#interactive.shift()
    if (urgent) return urgent
    const now = performance.now()
    if (background && this.aged(now)) {
      this.#agedAt = now
      return this.#background.shift()
    }
    let first: string | undefined
    let lowest = Infinity
    for (const name of this.#bulk.keys()) {
      const turn = this.#turn.get(name) ?? 0
      if (turn < lowest) [first, lowest] = [name, turn]
    }
    if (first === undefined) return background ? this.#background.shift() : undefined
    const waiter = this.#bulk.get(first)![0]!
    this.remove(waiter)
    this.#remember(first)
    return waiter
  }

  /** false when it was gone. */
  remove(waiter: Waiter): boolean {
    const list = waiter.priority === 'interactive' ? this.#interactive : waiter.priority === 'background' ? this.#background : this.#bulk.get(waiter.stream)
    const at = list?.indexOf(waiter) ?? -1
    if (at < 0) return false
    list!.splice(at, 1)
    if (waiter.priority !== 'bulk') return true
    this.#size--
    if (list!.length === 0) this.#bulk.delete(waiter.stream)
    return true
  }

  /** Those who wait, each once. */
  streams(): Set<string> {
    return new Set([...this.#interactive.map((w) => w.stream), ...this.#bulk.keys(), ...this.#background.map((w) => w.stream)])
  }

  all(): Waiter[] {
    return [...this.#interactive, ...this.bulk(), ...this.#background]
  }

  #streams(): string[] {
    return [...this.#bulk.keys()].sort((a, b) => (this.#turn.get(a) ?? 0) - (this.#turn.get(b) ?? 0))
  }

  #remember(stream: string): void {
    this.#turn.delete(stream)
    this.#turn.set(stream, ++this.#clock)
    const oldest = this.#turn.keys().next().value
    if (this.#turn.size > REMEMBERED && oldest !== undefined) this.#turn.delete(oldest)
  }
}
