import { RandomIdGenerator, type IdGenerator } from '@opentelemetry/sdk-trace-base'

export interface SpanIds {
  traceId: string
  spanId: string
}

/** Ids of spans: random ones, but for those whose ids are known before, because others have named them as their parent. */
export class Ids implements IdGenerator {
  readonly #random = new RandomIdGenerator()
  #known: SpanIds | null = null

  /** What `make` begins gets these ids. */
  as<R>(ids: SpanIds, make: () => R): R {
    this.#known = ids
    try {
      return make()
    } finally {
      this.#known = null
    }
  }

  // The SDK calls them apart from this object.
  readonly generateTraceId = (): string => this.#known?.traceId ?? this.#random.generateTraceId()
  readonly generateSpanId = (): string => this.#known?.spanId ?? this.#random.generateSpanId()
}
