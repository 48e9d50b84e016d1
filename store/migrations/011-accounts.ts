import type { Migration } from './types.ts'
import { pace } from './011/pace.ts'
import { reports } from './011/reports.ts'
import { slots } from './011/slots.ts'
import { tables } from './011/tables.ts'
import { windows } from './011/windows.ts'

export const migration: Migration = { id: 11, name: 'accounts: rate windows, concurrency, pauses, circuit breaker', sql: [tables, windows, slots, reports, pace].join('\n') }
