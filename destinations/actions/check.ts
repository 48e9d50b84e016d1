import type { Action } from '../../model/action.ts'
import type { Column } from '../../model/plan.ts'
import { decodeRow } from './rows.ts'
import { fillPath, fillText, RefusedRecord } from './template.ts'

/** Compiles a check of mapped rows (COPY text, without line break) against what the address and headers of an action need; null: the record can be sent. */
export function createRecordCheck(action: Action, columns: Column[]): (row: string) => { reason: string; field: string } | null {
  const texts = [...Object.values(action.query), ...Object.values(action.headers)]
  if (![action.path, ...texts].some((t) => t.includes('{'))) return () => null
  return (row) => {
    const { values } = decodeRow(row, 0, columns)
    try {
      fillPath(action.path, { version: 'v', ...values })
      for (const text of texts) fillText(text, { version: 'v', ...values })
      return null
    } catch (error) {
      if (!(error instanceof RefusedRecord)) throw error
      return { reason: error.message, field: error.field }
    }
  }
}
