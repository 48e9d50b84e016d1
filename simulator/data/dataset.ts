import type { Between } from './collection.ts'
import { Collection } from './collection.ts'
import { customerText } from './customers.ts'
import { invoiceText } from './invoices.ts'
import { FIRST_CUSTOMER_ID } from './people.ts'
import { transactionText } from './transactions.ts'
import type { CollectionName, DataOptions, RecordText } from './types.ts'

const TEXT: Record<CollectionName, RecordText> = { customers: customerText, invoices: invoiceText, transactions: transactionText }
/** Pieces of this many records are cheaper to encode than single ones or whole pages (measured). */
const GROUP = 16
const LARGEST_RECORD = 1500
let scratch = Buffer.allocUnsafeSlow(256 * 1024)

/** The three collections of one seed. */
export class Dataset {
  readonly options: DataOptions
  readonly collections: Record<CollectionName, Collection>

  constructor(options: DataOptions, records: Record<CollectionName, number>) {
    this.options = options
    const make = (name: CollectionName) => new Collection(records[name], options.tieGroup)
    this.collections = { customers: make('customers'), invoices: make('invoices'), transactions: make('transactions') }
  }

  /** The JSON text of the record with this identity, or null. */
  record(name: CollectionName, index: number): string | null {
    const place = this.collections[name].find(index)
    return place && TEXT[name](this.options, place.index, place.stamp, place.revision)
  }

  /**
   * One page as UTF-8: `head`, the records from a position joined by commas, `tail`.
   * @returns the bytes, how many records are in it, and the stamp of the last one (-1 when empty)
   */
  page(name: CollectionName, between: Between, from: number, count: number, head: string, tail: (last: number, count: number) => string): { body: Buffer; count: number; last: number } {
    const text = TEXT[name]
    const segments = this.collections[name].slice(between, from, count)
    reserve(head.length * 3)
    let at = scratch.write(head, 0)
    let written = 0
    let last = -1
    for (const s of segments) {
      for (let i = 0; i < s.count; i += GROUP) {
        const end = Math.min(i + GROUP, s.count)
        let piece = ''
        for (let k = i; k < end; k++) piece += (written++ === 0 ? '' : ',') + text(this.options, s.index + k, s.stamp + k, s.revision)
        reserve(at + GROUP * LARGEST_RECORD)
        at += scratch.write(piece, at)
      }
      last = s.stamp + s.count - 1
    }
    const close = tail(last, written)
    reserve(at + close.length * 3)
    at += scratch.write(close, at)
    return { body: Buffer.from(scratch.subarray(0, at)), count: written, last }
  }
}

/** The index a record's id stands for (`txn_00000012`, `inv_00000012`, `1000013`), or -1. */
export function indexOfId(name: CollectionName, id: string): number {
  const m = name === 'customers' ? /^(\d{7,9})$/.exec(id) : name === 'invoices' ? /^inv_(\d{8})$/.exec(id) : /^txn_(\d{8})$/.exec(id)
  return m ? Number(m[1]) - (name === 'customers' ? FIRST_CUSTOMER_ID : 0) : -1
}

/** Makes room in the one buffer all pages are put together in; pages are built one at a time and copied out. */
function reserve(bytes: number): void {
  if (bytes <= scratch.length) return
  const larger = Buffer.allocUnsafeSlow(Math.max(bytes, scratch.length * 2))
  scratch.copy(larger)
  scratch = larger
}
