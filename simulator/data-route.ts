import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Gate } from './admit.ts'
import type { Dataset } from './data/dataset.ts'
import { indexOfId } from './data/dataset.ts'
import type { CollectionName } from './data/types.ts'
import type { Answer } from './http/answer.ts'
import { errorAnswer, Refusal } from './http/answer.ts'
import type { BodyFault, FaultKind } from './http/fault-kinds.ts'
import { faultOf, statusFault } from './http/faults.ts'
import type { Limits } from './http/limits.ts'
import { misbehave } from './http/misbehave.ts'
import type { Style } from './http/paging.ts'
import { pageAnswer, styleOf } from './http/paging.ts'
import { packed, send } from './http/send.ts'
import type { SimulatorConfig } from './options.ts'
import type { Recorder } from './stats.ts'

export interface DataDeps {
  config: SimulatorConfig
  dataset: Dataset
  recorder: Recorder
  gate: Gate
  limits: Limits
}

/** A data request, taken apart. */
export interface DataRequest {
  style: Style | 'v1'
  collection: CollectionName
  /** Of a single record; null for pages. */
  id: string | null
  params: URLSearchParams
  /** Absolute address of the route, without query. */
  url: string
}

/** Answers requests for pages and single records, as well or badly as configured. */
export class DataRoute {
  readonly #deps: DataDeps
  /** Requests that were let in and are not answered yet: only these hold a place under the concurrency cap. */
  #admitted = 0
  readonly #cursors = { age: 0, status: 410 }
  #expired: SimulatorConfig['expireCursors'] = null

  constructor(deps: DataDeps) {
    this.#deps = deps
  }

  async handle(req: IncomingMessage, res: ServerResponse, wanted: DataRequest): Promise<void> {
    const { config, recorder, gate } = this.#deps
    const now = performance.now()
    const number = recorder.dataRequest(now)
    onceOver(res, () => recorder.dataRequestOver())
    const denied = await gate.check(req, wanted.params, number, now, () => this.#admitted)
    if (!denied) {
      this.#admitted++
      onceOver(res, () => this.#admitted--)
    }
    await latency(config)
    if (res.destroyed) return
    if (denied) return this.#refuse(res, denied.answer, denied.announcedMs)
    this.#expireCursors(number)
    const fault = faultOf(config, number)
    const status = fault && statusFault(fault, config)
    if (status) {
      recorder.fault(fault)
      return this.#refuse(res, status.answer, status.announcedMs)
    }
    await this.#respond(req, res, wanted, fault)
  }

  #expireCursors(number: number): void {
    const { config, recorder } = this.#deps
    const at = config.expireCursors
    if (!at || at === this.#expired || number < at.atRequest) return
    this.#expired = at
    this.#cursors.age += 1
    this.#cursors.status = at.status
    recorder.fault('expired-cursors')
  }

  async #respond(req: IncomingMessage, res: ServerResponse, wanted: DataRequest, fault: FaultKind | null): Promise<void> {
    const { config, recorder } = this.#deps
    let answer = this.#answer(wanted)
    if (config.rateLimitHeaders) Object.assign(answer.headers, this.#deps.limits.headers(performance.now()))
    if (fault === null && config.gzip) answer = await packed(req, answer)
    const served = () => {
      if (answer.status === 200) recorder.served(req.url ?? '', answer.records)
    }
    if (fault !== 'hang' && fault !== 'reset') recorder.status(answer.status)
    if (fault === null) return send(res, answer, served)
    recorder.fault(fault)
    if (fault === 'slow') res.once('finish', served)
    misbehave(fault as BodyFault, res, answer, config.slowMs)
  }

  #answer({ style, collection, id, params, url }: DataRequest): Answer {
    const { dataset, config } = this.#deps
    if (id === null) {
      try {
        return pageAnswer(style === 'v1' ? styleOf(params) : style, { dataset, config, collection, params, url, cursors: this.#cursors })
      } catch (error) {
        if (error instanceof Refusal) return error.answer
        throw error
      }
    }
    const text = dataset.record(collection, indexOfId(collection, id))
    if (text === null) return errorAnswer(404, 'not_found', `there is no such record in ${collection}`)
    return { status: 200, headers: { 'Content-Type': 'application/json; charset=utf-8' }, body: text, records: 1 }
  }

  #refuse(res: ServerResponse, answer: Answer, announcedMs: number): void {
    this.#deps.recorder.status(answer.status)
    this.#deps.recorder.announced(announcedMs, () => send(res, answer))
  }
}

/** Waits as long as every answer shall take. */
export async function latency(config: SimulatorConfig): Promise<void> {
  if (config.latencyMs > 0) await new Promise((done) => setTimeout(done, config.latencyMs))
}

/** Runs once the answer is out or its connection is gone. */
function onceOver(res: ServerResponse, then: () => void): void {
  let over = false
  const run = () => {
    if (!over) then()
    over = true
  }
  res.once('finish', run)
  res.once('close', run)
}
