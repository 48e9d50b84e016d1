import { startYoga } from '../double/yoga.ts'
import type { Sink, SinkOptions } from './types.ts'

/** The shop of the suite behind GraphQL Yoga, whose mutation `orderUpdate` takes records. `by`: how it refuses one. */
export async function startYogaSink({ refuses }: SinkOptions, by: 'userErrors' | 'error'): Promise<Sink> {
  const shop = await startYoga({ records: 0, pageSize: 1, refuses, refusesBy: by })
  return {
    url: shop.url,
    close: () => shop.close(),
    get effects() {
      return shop.written.map(({ id, name }) => ({ method: 'POST', record: { id, name } }))
    },
  }
}
