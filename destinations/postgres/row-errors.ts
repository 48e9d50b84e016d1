import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import { pgName } from './names.ts'

interface DatabaseError extends Error {
  code?: string
  column?: string
  constraint?: string
  where?: string
}

// Data exceptions, broken constraints, `with check option`; a row too large for an index; what a trigger raises.
const ROW = /^(22|23|44|54000$|P0001$)/

/** True when PostgreSQL refused a row for what is in it: the others may be fine. */
export function isRowError(error: unknown): error is DatabaseError {
  return error instanceof Error && !(error instanceof IsthmusError) && ROW.test((error as DatabaseError).code ?? '')
}

export function isDuplicate(error: unknown): boolean {
  return (error as DatabaseError).code === '23505'
}

/** Line in a COPY, from 0, at which PostgreSQL says that the error is; null when it does not say. A hint only: the text holds names. */
export function errorLine(error: DatabaseError): number | null {
  const match = /^COPY [^]*?, line (\d+)/.exec(error.where ?? '')
  return match ? Number(match[1]) - 1 : null
}

/** Why a row was refused, as people read it, and the column of the model it is about ('' when that is unknown). */
export function rowReason(error: DatabaseError, plan: StreamPlan): { reason: string; field: string } {
  const where = error.where ?? ''
  const column = plan.columns.find(({ name }) => error.column === pgName(name)) ?? plan.columns.find(({ name }) => where.includes(`, column ${pgName(name)}: `))
  return { reason: `PostgreSQL refused the row: ${error.message}`.slice(0, 500), field: column?.name ?? '' }
}
