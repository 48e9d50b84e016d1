import type { Column, StreamPlan } from './plan.ts'
import { fieldIncrementOf } from './source.ts'
import { pathKeys } from './value.ts'

const ORDERED = ['integer', 'float', 'decimal', 'date', 'timestamp', 'localTimestamp']

/**
 * The column that tells which version of a record is newer: the one that the incremental field fills, if its type has an order that
 * PostgreSQL shares with the source (numbers and times; texts may be times of several zones). null when there is none.
 */
export function newestColumn({ stream, mapping, columns }: StreamPlan): string | null {
  const incremental = fieldIncrementOf(stream)
  if (!incremental) return null
  const keys = pathKeys(incremental.field)
  const ordered = (c: Column | undefined): string | null => (c && ORDERED.includes(c.type.kind) ? c.name : null)
  if (mapping.kind === 'code') return ordered(columns.find((c) => c.name.toLowerCase() === keys.at(-1)?.toLowerCase()))
  const filled = Object.entries(mapping.fields).filter(([, rule]) => rule.path !== null && pathKeys(rule.path).join('\0') === keys.join('\0'))
  for (const [name] of filled) {
    const found = ordered(columns.find((c) => c.name === name))
    if (found !== null) return found
  }
  return null
}
