import { randomBytes } from 'node:crypto'
import type { Store } from '../model/index.ts'
import { openStore } from '../store/index.ts'

/** Nothing that the suite stores outlives it. */
const KEY = { id: '0'.repeat(16), secret: randomBytes(32) }

/** Opens the database of the suite as a process of its own would. */
export function openSuiteStore(databaseUrl: string): Promise<Store> {
  return openStore(databaseUrl, { key: KEY })
}
