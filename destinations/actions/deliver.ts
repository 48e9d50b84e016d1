import type { PageStop } from '../../model/run.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { Action } from '../../model/action.ts'
import type { Source } from '../../model/source.ts'
import type { DeliveryEnd, DeliveryLedger, DeliveryScope, Holder } from '../../store/deliveries.ts'
import type { Permit } from '../../model/pacer.ts'
import { MAX_WAIT_MS, stopOfClosed } from '../../protocols/rest/index.ts'
import { createReader, type Reading, type Result } from './answer.ts'
import { goAlone, groupItems } from './group.ts'
import type { Ending, Item } from './item.ts'
import { createListener, type Listen } from './listener.ts'
import { LookUp } from './look-up.ts'
import { Queue, type Job } from './queue.ts'
import { sleepUntil } from './sleep.ts'
import { refused, type Target } from './target.ts'
import { RefusedRecord } from './template.ts'

/** Tries of one request. */
const MAX_ATTEMPTS = 4
/** Requests in a row without an answer, over all that are under way, after which the caller takes over. */
const MAX_STRIKES = 5
/** A process that stood still this long between the ledger and the wire asks the ledger again. */
const STALLED_MS = 2_000
/** More than this many records refused in one chunk is no matter of single records. */
const MOST_REFUSED = 1_000

export interface DeliverOptions {
  ledger: DeliveryLedger
  scope: DeliveryScope
  /** Names this attempt: see `DeliveryLedger.hold`. */
  holder: Holder
  chunk: string
  source: Source
  action: Action
  /** Columns that identify a record. */
  key: string[]
  target: Target
  concurrency: number
  /** No request is begun after this moment (epoch ms). */
  untilMs: number
  signal: AbortSignal
}

/** Delivers records of one chunk. */
export class Delivery {
  readonly #o: DeliverOptions
  readonly #endings: Map<number, Ending>
  readonly #read: ReturnType<typeof createReader>
  readonly #listen: Listen
  readonly #lookUp: LookUp | null
  #queue = new Queue([])
  #stop: PageStop | null = null
  #strikes = 0
  #refused = 0
  /** How often records were sent without knowing what became of the request before, with nothing to absorb a second one. */
  uncertain = 0

  /** `endings` takes how each record ended, by line. */
  constructor(options: DeliverOptions, endings: Map<number, Ending>) {
    this.#o = options
    this.#endings = endings
    const { source, action, key, target } = options
    const { connection } = target.account
    this.#read = createReader(source, action, connection.http.redactor)
    this.#listen = createListener(source, action, connection, action.soap?.operation ?? null)
    this.#lookUp = action.lookup ? new LookUp(source, action, key, target) : null
  }

  /** Sends what is to be sent. Gives why it stopped before the end; null when every record has its ending. */
  async run(todo: Item[]): Promise<PageStop | null> {
    const { ledger, scope, action, concurrency } = this.#o
    this.#queue = new Queue(await groupItems(ledger, scope, action, todo))
    // Each slot ends what it began before an error of another one is told.
    const slots = await Promise.allSettled(Array.from({ length: concurrency }, () => this.#slot()))
    const failed = slots.find((s) => s.status === 'rejected')
    if (failed) throw failed.reason
    return this.#stop
  }

  async #slot(): Promise<void> {
    const { signal, untilMs } = this.#o
    while (this.#stop === null) {
      if (Date.now() > untilMs) return this.#end({ kind: 'more' })
      const next = this.#queue.next()
      if (next === null) return
      if ('waitUntil' in next) {
        if (next.waitUntil - Date.now() > MAX_WAIT_MS) return this.#end({ kind: 'throttled', untilMs: next.waitUntil, reason: 'an unclear result can be looked up later only' })
        // In short naps: another slot may stop everything, or bring new work.
        await sleepUntil(Math.min(next.waitUntil, Date.now() + 50), signal)
        continue
      }
      this.#queue.working += 1
      try {
        await this.#job(next.job)
      } catch (error) {
        this.#end({ kind: 'more' })
        throw error
      } finally {
        this.#queue.working -= 1
      }
    }
  }

  #end(stop: PageStop): void {
    this.#stop ??= stop
  }

  async #job(job: Job): Promise<void> {
    const { signal, target } = this.#o
    const unclear = job.items.filter((i) => i.unclear && !i.absorbed)
    if (unclear.length > 0 && this.#lookUp) {
      const looked = await this.#lookUp.look(unclear, signal)
      await this.#note(looked.there.map(({ item, remoteId }) => ({ item, result: { kind: 'delivered', remoteId } })))
      job.items = job.items.filter((i) => !looked.there.some((t) => t.item === i))
      if (job.items.length === 0) return
      if (looked.stop) return this.#end(looked.stop)
      if (looked.failed !== null) return this.#again(job, looked.failed, null)
      if (looked.dueMs > Date.now()) return this.#queue.add({ ...job, dueMs: looked.dueMs })
    }
    const permit = await target.enter(signal)
    if ('stop' in permit) return this.#end(permit.stop)
    await this.#send(job, permit)
  }

  async #send(job: Job, permit: Permit): Promise<void> {
    const { signal, target } = this.#o
    const { items } = job
    let request
    let token
    try {
      token = await target.token()
      request = await target.requests.send(items, token)
      await this.#begin(items)
    } catch (error) {
      await permit.release({ kind: 'unused' })
      if (!(error instanceof RefusedRecord)) throw error
      if (items.length > 1) return this.#split(items)
      return this.#ended(items[0]!, { kind: 'refused', reason: error.message, field: error.field })
    }
    const sent = await target.send(request, token, this.#listen, permit, signal)
    switch (sent.kind) {
      case 'answer':
        return this.#answered(job, this.#read(sent.heard, items), sent)
      case 'unsent':
        await this.#unsent(items)
        return this.#again(job, sent, null)
      case 'unclear':
        return this.#again(job, sent, null)
      case 'stop':
        if (!sent.left) await this.#unsent(items)
        return this.#end(sent.stop)
    }
  }

  async #begin(items: Item[]): Promise<void> {
    const { ledger, scope, holder, chunk } = this.#o
    for (let again = false; ; again = true) {
      const blind = (i: Item): boolean => !again && i.unclear && !i.absorbed
      const { atMs } = await ledger.begin(scope, holder, chunk, items.map((i) => ({ ...i, uncertain: blind(i) })))
      this.uncertain += items.filter(blind).length
      for (const item of items) {
        item.begunMs = atMs
        item.unclear = true
        // From here on its own key absorbs a repeat.
        if (this.#o.action.idempotency) item.absorbed = true
      }
      if (performance.now() - atMs < STALLED_MS) return
    }
  }

  async #answered(job: Job, reading: Reading, { name, token }: { name: string; token: { version: number } | null }): Promise<void> {
    const { items } = job
    const { connection } = this.#o.target.account
    if (reading.kind !== 'unclear' && !(reading.kind === 'each' && reading.results.every((r) => r.kind === 'unclear'))) this.#strikes = 0
    switch (reading.kind) {
      case 'each':
        return this.#note(items.map((item, i) => ({ item, result: reading.results[i]! })), job.attempt)
      case 'refused':
        if (items.length === 1) return this.#note([{ item: items[0]!, result: reading }])
        await this.#unsent(items)
        return this.#split(items)
      case 'throttled': {
        await this.#unsent(items)
        // The pacer holds everybody back as long as the answer said.
        const closed = this.#o.target.pacer.closed()
        if (closed && closed.untilMs - Date.now() > MAX_WAIT_MS) return this.#end(stopOfClosed(closed))
        if (job.attempt >= MAX_ATTEMPTS) return this.#end(this.#tooOften(reading.reason))
        return this.#queue.add({ items, attempt: job.attempt + 1, dueMs: 0 })
      }
      case 'authRequired': {
        await this.#unsent(items)
        const { blame } = connection.authenticator
        return this.#end(token ? { kind: 'authRequired', version: token.version, reason: `${name}: ${reading.reason}` } : refused('AuthFailed', `${name}: ${reading.reason}`, blame.field.replace(/^from/, 'to')))
      }
      case 'hopeless':
        await this.#unsent(items)
        return this.#end(refused(reading.type, `${name}: ${reading.reason}`, 'to', reading.cure))
      case 'unclear':
        return this.#again(job, { type: 'Transient', reason: `${name}: ${reading.reason}` }, reading.untilMs)
    }
  }

  /** Writes what became of records; those that are not settled go alone. */
  async #note(results: { item: Item; result: Result }[], attempt = 1): Promise<void> {
    const { ledger, scope, holder, action } = this.#o
    const ends: DeliveryEnd[] = []
    const alone: Item[] = []
    for (const { item, result } of results) {
      const { record, turn } = item
      if (result.kind === 'delivered') {
        ends.push({ record, turn, state: 'delivered', remoteId: result.remoteId, reason: '' })
      } else if (result.kind === 'unclear') {
        alone.push(item)
      } else if (result.kind === 'again') {
        ends.push({ record, turn, state: 'unsent', remoteId: null, reason: result.reason })
        item.unclear = false
        alone.push(item)
      } else if (action.batch && !item.alone) {
        // Refused among others: what it is refused for may be one of them.
        ends.push({ record, turn, state: 'unsent', remoteId: null, reason: result.reason })
        item.unclear = false
        alone.push(item)
      } else {
        ends.push({ record, turn, state: 'failed', remoteId: null, reason: result.reason })
      }
    }
    await ledger.end(scope, holder, ends)
    for (const { item, result } of results) {
      if (alone.includes(item)) continue
      item.unclear = false
      this.#ended(item, result.kind === 'delivered' ? { kind: 'delivered', effect: item.effect } : { kind: 'refused', reason: result.reason, field: '' })
    }
    for (const { item, result } of results) {
      if (!alone.includes(item)) continue
      const job = { items: [this.#leave(item)], attempt: 1, dueMs: 0 }
      if (result.kind === 'unclear') this.#again({ ...job, attempt }, { type: 'Contract', reason: result.reason }, null)
      else if (result.kind === 'again') this.#later({ ...job, attempt }, result.reason)
      else this.#queue.add(job)
    }
  }

  /** Takes an item out of its request. A key of its own absorbs a repeat as before. */
  #leave(item: Item): Item {
    if (this.#o.action.idempotency?.field !== undefined && item.unclear) {
      item.alone = true
      return item
    }
    return goAlone(this.#o.scope, item)
  }

  #split(items: Item[]): void {
    for (const item of items) this.#queue.add({ items: [this.#leave(item)], attempt: 1, dueMs: 0 })
  }

  /** Notes that records are known not to have been taken up. */
  async #unsent(items: Item[]): Promise<void> {
    const { ledger, scope, holder } = this.#o
    await ledger.end(scope, holder, items.map(({ record, turn }) => ({ record, turn, state: 'unsent', remoteId: null, reason: '' })))
    for (const item of items) item.unclear = false
  }

  /** Another try of what was not taken for now. */
  #later(job: Job, reason: string): void {
    if (job.attempt >= MAX_ATTEMPTS) return this.#end(this.#tooOften(reason))
    this.#queue.add({ ...job, attempt: job.attempt + 1, dueMs: Date.now() + (0.5 + Math.random()) * 500 * 2 ** job.attempt })
  }

  /** Told to wait again and again, however long it was waited. */
  #tooOften(reason: string): PageStop {
    return { kind: 'throttled', untilMs: Math.max(this.#o.target.pacer.closed()?.untilMs ?? 0, Date.now() + 3 * MAX_WAIT_MS), reason }
  }

  #ended({ row }: Item, ending: Ending): void {
    this.#endings.set(row.line, ending)
    if (ending.kind !== 'refused' || (this.#refused += 1) <= MOST_REFUSED) return
    throw new IsthmusError('Contract', `The API refused more than ${MOST_REFUSED} records of one chunk, the last: ${ending.reason}`, { field: 'to', cure: 'compare the body of the action with the documentation of the API' })
  }

  /** Another try, with growing pauses; gives up when nobody answers. */
  #again(job: Job, failure: { type: IsthmusError['type']; reason: string }, untilMs: number | null): void {
    this.#strikes += 1
    const closed = this.#o.target.pacer.closed()
    if (closed && (closed.kind === 'down' || closed.untilMs - Date.now() > MAX_WAIT_MS)) return this.#end(stopOfClosed(closed))
    if (job.attempt >= MAX_ATTEMPTS || this.#strikes >= MAX_STRIKES) {
      return this.#end(failure.type === 'RateLimited' ? this.#tooOften(failure.reason) : { kind: 'interrupted', type: failure.type, reason: failure.reason, untilMs: untilMs ?? 0 })
    }
    const dueMs = Math.max(untilMs ?? 0, Date.now() + Math.random() * 250 * 2 ** job.attempt)
    this.#queue.add({ items: job.items, attempt: job.attempt + 1, dueMs })
  }
}
