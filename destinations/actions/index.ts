/** Actions of APIs as destinations: each record is sent once, held by a ledger. */
export { inTo, openActions } from './destination.ts'
export type { Actions, ActionOptions } from './destination.ts'
export { createRecordCheck } from './check.ts'
export type { Account } from './target.ts'
