import type { ClientBase } from 'pg'
import { errorLine, isRowError } from './row-errors.ts'

/**
 * Runs `load` for the items from..to (`to` excluded) under a savepoint. When PostgreSQL refuses an item for what is in it, the others are
 * loaded in parts around it, in order, and the item alone is told to `refuse`.
 */
export async function loadAround(client: ClientBase, from: number, to: number, load: (from: number, to: number) => Promise<void>, refuse: (item: number, error: Error) => void): Promise<void> {
  const queue: [number, number][] = [[from, to]]
  for (let part = queue.pop(); part; part = queue.pop()) {
    const [a, b] = part
    if (a >= b) continue
    await client.query('savepoint isthmus_part')
    try {
      await load(a, b)
      await client.query('release savepoint isthmus_part')
    } catch (error) {
      if (!isRowError(error)) throw error
      await client.query('rollback to savepoint isthmus_part; release savepoint isthmus_part')
      if (b - a === 1) refuse(a, error)
      else queue.push(...partsAround(a, b, errorLine(error)))
    }
  }
}

/** The parts of a..b to try next, the first one last. Without a believable hint: halves. */
function partsAround(a: number, b: number, hint: number | null): [number, number][] {
  const at = hint === null ? -1 : a + hint
  if (at < a || at >= b) {
    const middle = (a + b) >> 1
    return [[middle, b], [a, middle]]
  }
  return [[at + 1, b], [at, at + 1], [a, at]]
}
