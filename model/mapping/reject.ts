import { IsthmusError } from '../errors.ts'
import { CastError, cut } from './cast/error.ts'

export interface Reject {
  reason: string
  /** Column the reason is about; '' for the whole record. */
  field: string
}

/** The rejection an error stands for. Errors about the sync itself (IsthmusError) are thrown on. */
export function rejectOf(error: unknown, field: string, path = ''): Reject {
  if (error instanceof IsthmusError) throw error
  const message = error instanceof CastError ? error.message : cut(error instanceof Error ? error.message : String(error))
  const where = field === '' ? path : path === '' || path === field ? field : `${field} (path ${path})`
  return { reason: where === '' ? message : `${where}: ${message}`, field }
}
