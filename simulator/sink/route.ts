import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Gate } from '../admit.ts'
import { latency } from '../data-route.ts'
import type { Answer } from '../http/answer.ts'
import { errorAnswer, jsonAnswer, Refusal } from '../http/answer.ts'
import { readBody, send } from '../http/send.ts'
import type { SimulatorConfig } from '../options.ts'
import type { Recorder } from '../stats.ts'
import type { Sink } from './sink.ts'

const SINK = /^\/sink\/([a-z][\w-]{0,40})(?:\/([^/]{1,300}))?$/
const LARGEST = 8 * 1024 * 1024

/** A request to the sink, taken apart; null for other paths. */
export function sinkPath(path: string): { collection: string; business: string | null } | null {
  const m = SINK.exec(path)
  return m && { collection: m[1]!, business: m[2] === undefined ? null : decodeURIComponent(m[2]) }
}

/** Takes records: signed in to and paced like the data routes, committed at once, answered as well or badly as configured. */
export class SinkRoute {
  readonly #deps: { config: SimulatorConfig; recorder: Recorder; gate: Gate; sink: Sink }
  #admitted = 0
  #asked = 0

  constructor(deps: { config: SimulatorConfig; recorder: Recorder; gate: Gate; sink: Sink }) {
    this.#deps = deps
  }

  async handle(req: IncomingMessage, res: ServerResponse, params: URLSearchParams, where: { collection: string; business: string | null }): Promise<void> {
    const { config, recorder, gate, sink } = this.#deps
    const now = performance.now()
    recorder.sinkRequest(now)
    recorder.request(`/sink/${where.collection}${where.business === null ? '' : '/:id'}`)
    res.once('close', () => recorder.dataRequestOver())
    const text = await readBody(req, LARGEST)
    const denied = await gate.check(req, params, ++this.#asked, now, () => this.#admitted)
    if (denied) {
      recorder.status(denied.answer.status)
      return recorder.announced(denied.announcedMs, () => send(res, denied.answer))
    }
    this.#admitted++
    res.once('close', () => this.#admitted--)
    const answer = this.#answer(req, params, where, text)
    const fate = req.method === 'GET' || answer.status >= 400 ? null : sink.fate()
    // Committed: what comes now is only the answer.
    await latency(config)
    if (res.destroyed) return
    if (fate === 'cut') return void res.socket?.destroy()
    const told = fate === 'error' ? errorAnswer(500, 'internal', 'simulated failure after the commit') : answer
    recorder.status(told.status)
    send(res, told)
  }

  #answer(req: IncomingMessage, params: URLSearchParams, { collection, business }: { collection: string; business: string | null }, text: string): Answer {
    const { sink } = this.#deps
    if (req.method === 'GET') {
      const found = sink.find(collection, business ?? params.get('external_id') ?? '').map((r) => ({ ...r.body, id: r.id, external_id: r.business }))
      if (business === null) return jsonAnswer(200, { data: found })
      return found[0] ? jsonAnswer(200, found[0]) : errorAnswer(404, 'not_found', `there is no ${business} in ${collection}`)
    }
    if (req.method === 'POST' && business === null) return sink.create(collection, text, keyOf(req, params))
    if (req.method === 'PUT' && business !== null) return sink.put(collection, business, text)
    if (req.method === 'DELETE' && business !== null) return sink.delete(collection, business)
    throw new Refusal(405, 'method_not_allowed', 'there are POST /sink/{collection}, GET /sink/{collection}?external_id=, and GET, PUT and DELETE /sink/{collection}/{id}')
  }
}

function keyOf(req: IncomingMessage, params: URLSearchParams): string | null {
  const header = req.headers['idempotency-key']
  return (typeof header === 'string' ? header : null) ?? params.get('requestid')
}
