import type { PageStop } from '../model/index.ts'
import type { Bench, ReadOutcome } from './types.ts'
import type { Fault, Passed } from './proxy.ts'

/** What a case found wrong. */
export class Wrong extends Error {}

export function check(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new Wrong(what())
}

/** Every record once. */
export function everyRecordOnce(found: string[], expected: string[]): void {
  const counts = new Map<string, number>()
  for (const key of found) counts.set(key, (counts.get(key) ?? 0) + 1)
  const missing = expected.filter((key) => !counts.has(key))
  const doubled = [...counts].filter(([, n]) => n > 1).map(([key]) => key)
  const strange = [...counts.keys()].filter((key) => !expected.includes(key))
  check(missing.length === 0, () => `${missing.length} of ${expected.length} records are missing: ${missing.slice(0, 5).join(', ')}`)
  check(strange.length === 0, () => `${strange.length} records are none of the source's: ${strange.slice(0, 5).join(', ')}`)
  check(doubled.length === 0, () => `${doubled.length} records came twice: ${doubled.slice(0, 5).join(', ')}`)
}

/** The stop is of this kind, and of this type where one is given. */
export function stopIs(stop: PageStop, kind: PageStop['kind'], types: string[] = []): void {
  check(stop.kind === kind && (types.length === 0 || ('type' in stop && types.includes(stop.type))), () => `it stopped as ${JSON.stringify(stop)} instead of ${kind}${types.length > 0 ? ` (${types.join(' or ')})` : ''}`)
}

/** It reads on to the end and every record came once. */
export async function readsOn(bench: Bench, from: ReadOutcome): Promise<void> {
  const rest = await bench.toEnd({ position: from.result.position })
  stopIs(rest.result.stop, 'done')
  everyRecordOnce([...from.keys, ...rest.keys], bench.running.keys)
}

/** The nth request and those that follow it, `times` in all, meet a fault. */
export function from(nth: number, fault: Fault | ((request: Passed) => Fault), times = 1): (request: Passed) => Fault | null {
  return (request) => (request.nth >= nth && request.nth < nth + times ? (typeof fault === 'function' ? fault(request) : fault) : null)
}
