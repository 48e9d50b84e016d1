export const COLLECTIONS = ['customers', 'invoices', 'transactions'] as const
export type CollectionName = (typeof COLLECTIONS)[number]

/** What every record follows from, beside its place. */
export interface DataOptions {
  seed: number
  /** Customers at the start: invoices and transactions refer to these. */
  customers: number
  /** How many neighbours share one `updated_at`. */
  tieGroup: number
  /** Every nth record carries `"n/a"` where its amount belongs; 0 for none. */
  poisonEvery: number
}

/** A record's identity (`index`), its place in the order of changes (`stamp`), and how often it was changed. */
export interface Place {
  index: number
  stamp: number
  revision: number
}

/** The JSON text of one record. */
export type RecordText = (options: DataOptions, index: number, stamp: number, revision: number) => string

/** Whether record `index` is a poisoned one. */
export function isPoison(options: DataOptions, index: number): boolean {
  return options.poisonEvery > 0 && (index + 1) % options.poisonEvery === 0
}
