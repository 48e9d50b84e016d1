/** Requests to Temporal and PostgreSQL that are under way at a time. */
const AT_ONCE = 10

/** `Promise.all` over many, few at a time; after a failure none is begun any more. Results in order. */
export async function inTurns<T, R>(items: readonly T[], body: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array<R>(items.length)
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++
      try {
        results[i] = await body(items[i]!)
      } catch (error) {
        next = items.length
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work))
  return results
}
