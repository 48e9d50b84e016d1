/** Runs functions of one key one after the other, in the order they came. */
export function inTurn(): <R>(key: string, body: () => Promise<R>) => Promise<R> {
  const tails = new Map<string, Promise<unknown>>()
  return async (key, body) => {
    const result = (tails.get(key) ?? Promise.resolve()).then(body)
    const tail = result.catch(() => {})
    tails.set(key, tail)
    try {
      return await result
    } finally {
      if (tails.get(key) === tail) tails.delete(key)
    }
  }
}
