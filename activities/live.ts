import type { Store } from '../model/ports.ts'
import type { PageStop } from '../model/run.ts'
import { outageKey } from '../store/index.ts'
import type { PageRequest } from './types.ts'

const EVERY_MS = 500

/** Tells the live view how far reading is; a view that cannot be written never stops a run. */
export class LivePages {
  readonly #store: Store
  readonly #account: string
  readonly #request: PageRequest
  /** Whose log tells of it: that of the run, or that of the backfill. */
  readonly #run: string
  #last = 0
  #told = 0
  readonly #noted = new Set<string>()
  #writing: Promise<void> = Promise.resolve()

  /** @param account name of the connection */
  constructor(store: Store, account: string, request: PageRequest) {
    this.#store = store
    this.#account = account
    this.#request = request
    this.#run = request.range?.of ?? request.run
  }

  show(pages: number, records: number): void {
    const now = Date.now()
    if (now - this.#last < EVERY_MS) return
    this.#last = now
    this.#writing = this.#write(pages, records, 0, null)
  }

  /** The chunk's last word: its stop is also a line in the run's log. */
  async done(pages: number, records: number, requests: number, stop: PageStop): Promise<void> {
    await this.#writing
    const { stream, seq } = this.#request
    const run = this.#run
    const wait = stop.kind === 'throttled' ? { reason: stop.reason, until: new Date(stop.untilMs).toISOString() } : null
    await this.#write(pages, records, requests, wait)
    if (stop.kind === 'interrupted' && stop.opening) return this.outage(stop.opening, stop.reason)
    const note = noteOf(stop)
    if (note) await this.#store.log({ run, stream, level: note.level, message: `chunk ${seq}: ${note.message}` }).catch(() => undefined)
  }

  /** An outage is one event of the run, however many streams and chunks meet it. */
  async outage(opening: number, reason: string): Promise<void> {
    if (this.#told === opening) return
    this.#told = opening
    const { stream } = this.#request
    const run = this.#run
    await this.#store.logOnce(outageKey(this.#account, opening), { run, stream, level: 'warn', message: `${reason}; asked again with growing pauses` }).catch(() => undefined)
  }

  /** News of the API about itself, once a run and stream. */
  notice({ key, message }: { key: string; message: string }): void {
    if (this.#noted.has(key) || this.#noted.size > 100) return
    this.#noted.add(key)
    const { sync, stream, range } = this.#request
    const run = this.#run
    // Windows of a backfill are not what a sync's health is measured by.
    if (!range) void this.#store.noteStream({ kind: 'notice', sync, run, stream, text: message }).catch(() => undefined)
    void this.#store.logOnce(`notice ${stream} ${key}`.slice(0, 500), { run, stream, level: 'warn', message }).catch(() => undefined)
  }

  async #write(pages: number, records: number, requests: number, wait: { reason: string; until: string } | null): Promise<void> {
    const { run, stream, before, range } = this.#request
    // A backfill tells how far it is by its workflow.
    if (range) return
    await this.#store
      .saveProgress(run, {
        stream,
        phase: wait ? 'waiting' : 'reading',
        counts: { pages: before.pages + pages, read: before.records + records, requests: before.requests + requests },
        wait,
      })
      .catch(() => undefined)
  }
}

function noteOf(stop: PageStop): { level: 'info' | 'warn' | 'error'; message: string } | null {
  switch (stop.kind) {
    case 'more':
    case 'done':
      return null
    case 'throttled':
      return { level: 'warn', message: `${stop.reason}; waits until ${new Date(stop.untilMs).toISOString()}` }
    case 'authRequired':
      return { level: 'info', message: `${stop.reason}; token version ${stop.version} is exchanged` }
    case 'interrupted':
      return { level: 'warn', message: `${stop.reason}; tried again later` }
    case 'positionLost':
      return { level: 'warn', message: `${stop.reason}: the place to go on from is no longer known there` }
    case 'refused':
      return { level: 'error', message: stop.reason }
  }
}
