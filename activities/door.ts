import { performance, type EventLoopUtilization } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** Runs at work in a process at once: each has up to three workflows, and a worker keeps 200 in memory. */
const MOST = 60
/** So few never overload it. */
const FEW = 4
/** A run's steps have gaps: the way from one to the next through Temporal. */
const GAP_MS = 3_000
/** Each entry shows in the load before the next one. */
const APART_MS = 50
/** Also under load one enters after this time: a long sync that keeps the processor busy must not stop the others for ever. */
const PATIENCE_MS = 5_000
/** And after this time where all places are taken: long syncs may keep theirs for hours. */
const LONGEST_MS = 20_000
const LOOK_MS = 100
/** Share of the last look in which the process had to compute. */
const BUSY = 0.8
/** Steps wait this much longer for a place than they do at best. */
const LATE_MS = 500

export interface DoorOptions {
  /** Share of time in which this process computed since it was asked last, 0 to 1. The event loop's utilization by default. */
  load?: () => number
  /** After so long one more run enters also where all places are taken, ms. 20 s by default. */
  longestMs?: number
}

/**
 * Lets runs begin as fast as this process gets them done. Temporal hands out steps in their order, so a thousand runs that are due at once would all go on
 * side by side, each one's workflows thrown out of memory and rebuilt from their history for every step. Here those at work end first; the others wait
 * in their task queue, where they cost nothing.
 */
export class Door {
  readonly #load: () => number
  readonly #longestMs: number
  readonly #runs = new Map<string, { open: number; last: number }>()
  #turn: Promise<void> = Promise.resolve()
  #best = Infinity
  #late = 0
  #lateAt = -Infinity

  constructor({ load = utilization(), longestMs = LONGEST_MS }: DoorOptions = {}) {
    this.#load = load
    this.#longestMs = longestMs
  }

  /** Runs a step of a run, which is at work from then on. `waited`: ms from when the step was to be done until it began, by two clocks. */
  async work<R>(run: string, waited: number | null, body: () => Promise<R>): Promise<R> {
    if (waited !== null) this.#note(waited)
    const entry = this.#runs.get(run) ?? { open: 0, last: 0 }
    this.#runs.set(run, entry)
    entry.open += 1
    try {
      return await body()
    } finally {
      entry.open -= 1
      entry.last = performance.now()
    }
  }

  /** Waits until this process can take on one more run, whose first step comes within `grace` ms; those that are at work pass. Throws the reason of `signal`. */
  async enter(run: string, signal: AbortSignal, grace = 0): Promise<void> {
    if (this.#runs.has(run)) return
    const before = this.#turn
    let leave = (): void => {}
    this.#turn = new Promise((resolve) => { leave = resolve })
    try {
      await before
      if (this.#runs.has(run)) return
      if (this.#count() >= FEW) await sleep(APART_MS, undefined, { signal }).catch(() => undefined)
      for (const since = performance.now(); ; await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined)) {
        signal.throwIfAborted()
        const count = this.#count()
        const strained = this.#load() > BUSY || this.#isLate()
        const waited = performance.now() - since
        if (count < FEW || waited >= this.#longestMs || (count < MOST && (!strained || waited >= PATIENCE_MS))) break
      }
      this.#runs.set(run, { open: 0, last: performance.now() + grace })
    } finally {
      leave()
    }
  }

  #count(): number {
    const now = performance.now()
    for (const [run, { open, last }] of this.#runs) if (open === 0 && now - last > GAP_MS) this.#runs.delete(run)
    return this.#runs.size
  }

  /** The clocks of server and worker may differ: only what comes on top of the shortest wait counts. */
  #note(waited: number): void {
    this.#best = Math.min(this.#best, waited)
    this.#late = waited - this.#best
    this.#lateAt = performance.now()
  }

  #isLate(): boolean {
    return this.#late > LATE_MS && performance.now() - this.#lateAt < GAP_MS
  }
}

function utilization(): () => number {
  let last: EventLoopUtilization = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization: share } = performance.eventLoopUtilization(now, last)
    last = now
    return share
  }
}
