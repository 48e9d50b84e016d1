import { startYoga } from '../double/yoga.ts'
import type { Sink, SinkOptions } from './types.ts'

/** The shop of the suite behind GraphQL Yoga, whose mutation `orderUpdate` takes records; it refuses one where the action looks for the reason. */
export async function startYogaSink({ action, refuses }: SinkOptions): Promise<Sink> {
  const shop = await startYoga({ records: 0, pageSize: 1, refuses, refusesBy: action.reason === null ? 'error' : 'userErrors' })
  return {
    url: shop.url,
    close: () => shop.close(),
    get effects() {
      return shop.written.map(({ id, name }) => ({ method: 'POST', record: { id, name } }))
    },
  }
}
