import { fieldIncrementOf, pathKeys } from '../../model/index.ts'
import type { Path, Stream } from '../../model/index.ts'

export type Made = Record<string, unknown>

const BEGIN = Date.parse('2026-01-01T00:00:00.000Z')
const STEP_MS = 60_000

/** The moment at which the nth record changed. */
export function momentOf(n: number): number {
  return BEGIN + n * STEP_MS
}

/** The key value of the nth record: its order is that of the records, as text and as number. */
export function keyOf(n: number, prefix = ''): string {
  return `${prefix}${100_001 + n}`
}

/** Puts a value at a path; lists are not made. */
export function put(object: Made, path: Path, value: unknown): void {
  const keys = pathKeys(path).filter((k) => k !== '*')
  let here: Made = object
  for (const key of keys.slice(0, -1)) {
    if (here[key] === null || typeof here[key] !== 'object') here[key] = {}
    here = here[key] as Made
  }
  if (keys.length > 0) here[keys.at(-1)!] = value
}

/** Records of a stream: whatever its description looks at is there. */
export function makeRecords(stream: Stream, count: number, prefix = ''): Made[] {
  const { page, key, format, window } = stream
  const increment = fieldIncrementOf(stream)
  return Array.from({ length: count }, (_, n) => {
    const record: Made = {}
    record['name'] = `Name ${n} & <Söhne>`
    record['amount'] = format.kind === 'json' || format.kind === 'ndjson' ? 12.5 + n : `${12.5 + n}`
    if (increment && pathKeys(increment.field)[0] !== '_parent') put(record, increment.field, new Date(momentOf(n)).toISOString())
    if (page.kind === 'cursor' && page.from === 'lastRecord') put(record, page.next, keyOf(n, prefix))
    if (window?.split) put(record, window.split, keyOf(n, prefix))
    for (const path of key) put(record, path, keyOf(n, prefix))
    return record
  })
}
