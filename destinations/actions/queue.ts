import type { Item } from './item.ts'

/** One request that is to be sent. */
export interface Job {
  items: Item[]
  /** Which try this is, from 1. */
  attempt: number
  /** Not to be worked on before this moment (epoch ms). */
  dueMs: number
}

/** Requests to be sent; those that must wait let others go first. */
export class Queue {
  readonly #ready: Job[]
  readonly #later: Job[] = []
  /** Jobs that are being worked on: they may come back. */
  working = 0

  constructor(groups: Item[][]) {
    this.#ready = groups.map((items) => ({ items, attempt: 1, dueMs: 0 }))
  }

  add(job: Job): void {
    if (job.dueMs <= Date.now()) this.#ready.unshift(job)
    else this.#later.push(job)
  }

  /** The next job, or the moment at which there may be one; null when everything is done. */
  next(): { job: Job } | { waitUntil: number } | null {
    const now = Date.now()
    const due = this.#later.findIndex((j) => j.dueMs <= now)
    const job = due >= 0 ? this.#later.splice(due, 1)[0]! : this.#ready.shift()
    if (job) return { job }
    if (this.#later.length > 0) return { waitUntil: Math.min(...this.#later.map((j) => j.dueMs)) }
    return this.working > 0 ? { waitUntil: now + 20 } : null
  }
}
