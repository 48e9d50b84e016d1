import { fraction } from '../data/hash.ts'
import type { Answer } from '../http/answer.ts'
import { errorAnswer, jsonAnswer } from '../http/answer.ts'
import type { SimulatorConfig } from '../options.ts'

/** What the sink saw since the start or the last reset. */
export interface SinkStats {
  /** Requests that write, refused ones included. */
  writes: number
  lookups: number
  created: number
  updated: number
  deleted: number
  /** Requests with a key that was done before: answered as then, nothing done. */
  replays: number
  /** Records created although one with the same business id was there. */
  duplicates: number
  /** Records refused for what is in them. */
  refused: number
  /** Keys that came again with another body. */
  keyMismatches: number
  /** Answers cut off after the commit. */
  cuts: number
  /** Answers of 500 after the commit. */
  errors: number
}

/** A record that the sink holds. */
export interface SinkRecord {
  id: string
  /** The record's `external_id`, else its `id`. */
  business: string
  body: Record<string, unknown>
}

interface Done {
  body: string
  answer: Answer
}

/** An API that takes records, in memory. */
export class Sink {
  readonly #config: SimulatorConfig
  readonly #records = new Map<string, SinkRecord[]>()
  readonly #byBusiness = new Map<string, Map<string, SinkRecord[]>>()
  readonly #keys = new Map<string, Done>()
  #stats = zero()
  #ids = 0

  constructor(config: SimulatorConfig) {
    this.#config = config
  }

  /** POST of one record, or of `{ items: [...] }`. `key` names the request; null without one. */
  create(collection: string, text: string, key: string | null): Answer {
    this.#stats.writes++
    const keyed = key !== null && this.#config.sinkIdempotency ? `${collection}\n${key}` : null
    const done = keyed === null ? undefined : this.#keys.get(keyed)
    if (done) {
      if (done.body !== text) {
        this.#stats.keyMismatches++
        return errorAnswer(422, 'key_reused', 'this key came before with another body')
      }
      this.#stats.replays++
      return { ...done.answer, headers: { ...done.answer.headers, 'Idempotent-Replayed': 'true' } }
    }
    const body = parse(text)
    if (body === null) return errorAnswer(400, 'invalid_json', 'the body is not JSON')
    const items = Array.isArray(body['items']) ? (body['items'] as Record<string, unknown>[]) : null
    const answer = items ? jsonAnswer(207, { results: items.map((item) => this.#one(collection, item)) }) : single(this.#one(collection, body))
    if (keyed !== null && answer.status < 400) this.#keys.set(keyed, { body: text, answer })
    return answer
  }

  /** PUT of a record under its business id: created or replaced. */
  put(collection: string, business: string, text: string): Answer {
    this.#stats.writes++
    const body = parse(text)
    if (body === null) return errorAnswer(400, 'invalid_json', 'the body is not JSON')
    const there = this.#of(collection).get(business)?.[0]
    if (!there) return jsonAnswer(201, { id: this.#add(collection, business, body).id })
    there.body = body
    this.#stats.updated++
    return jsonAnswer(200, { id: there.id })
  }

  delete(collection: string, business: string): Answer {
    this.#stats.writes++
    const there = this.#of(collection).get(business)
    if (!there) return errorAnswer(404, 'not_found', `there is no ${business} in ${collection}`)
    this.#of(collection).delete(business)
    this.#records.set(collection, this.records(collection).filter((r) => r.business !== business))
    this.#stats.deleted++
    return jsonAnswer(200, { deleted: true })
  }

  /** GET by business id: a list, which may be empty. */
  find(collection: string, business: string): SinkRecord[] {
    this.#stats.lookups++
    return this.#of(collection).get(business) ?? []
  }

  records(collection: string): SinkRecord[] {
    return this.#records.get(collection) ?? []
  }

  /** What happens to the answer of the write that was just committed. The same seed and number give the same fate. */
  fate(): 'cut' | 'error' | null {
    const { seed, sinkCut, sinkError } = this.#config
    const at = fraction(seed ^ 0x73696e6b, this.#stats.writes)
    if (at < sinkCut) {
      this.#stats.cuts++
      return 'cut'
    }
    if (at >= sinkCut + sinkError) return null
    this.#stats.errors++
    return 'error'
  }

  stats(): SinkStats {
    return { ...this.#stats }
  }

  /** Starts counting anew; what is held stays. */
  reset(): void {
    this.#stats = zero()
  }

  #one(collection: string, body: Record<string, unknown>): { status: number; id?: string; external_id?: string; error?: { message: string } } {
    const business = String(body['external_id'] ?? body['id'] ?? '')
    const every = this.#config.sinkRefuseEvery
    if (business === '' || body['amount'] === 'n/a' || (every > 0 && fraction(0x726566, hash(business)) < 1 / every)) {
      this.#stats.refused++
      return { status: 422, external_id: business, error: { message: business === '' ? 'external_id or id is missing' : `${business} is not accepted` } }
    }
    return { status: 201, id: this.#add(collection, business, body).id, external_id: business }
  }

  #add(collection: string, business: string, body: Record<string, unknown>): SinkRecord {
    const record = { id: `snk_${++this.#ids}`, business, body }
    const same = this.#of(collection).get(business) ?? []
    if (same.length > 0) this.#stats.duplicates++
    same.push(record)
    this.#of(collection).set(business, same)
    this.#records.set(collection, this.#records.get(collection) ?? [])
    this.#records.get(collection)!.push(record)
    this.#stats.created++
    return record
  }

  #of(collection: string): Map<string, SinkRecord[]> {
    let found = this.#byBusiness.get(collection)
    if (!found) this.#byBusiness.set(collection, (found = new Map<string, SinkRecord[]>()))
    return found
  }
}

function single(result: { status: number; id?: string; error?: { message: string } }): Answer {
  return result.error ? errorAnswer(result.status, 'refused', result.error.message) : jsonAnswer(201, { id: result.id })
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}

function zero(): SinkStats {
  return { writes: 0, lookups: 0, created: 0, updated: 0, deleted: 0, replays: 0, duplicates: 0, refused: 0, keyMismatches: 0, cuts: 0, errors: 0 }
}
