import { createHash } from 'node:crypto'
import type { Action } from '../../model/action.ts'
import type { DeliveryScope } from '../../store/deliveries.ts'
import type { Row } from './rows.ts'

const LONGEST = 200

function sha256(parts: unknown): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest()
}

/** Names a record in the ledger: its key as JSON, a hash of it when that is long. */
export function recordName(row: Row, key: string[]): string {
  const name = JSON.stringify(key.map((k) => row.cells[k]))
  return name.length <= LONGEST ? name : `#${sha256(name).toString('hex')}`
}

/** Changes with what the record holds; an action that is called once for each key knows one version only. */
export function versionOf(row: Row, action: Action): string {
  return action.changes === 'ignore' ? 'once' : createHash('sha256').update(row.text).digest('hex').slice(0, 32)
}

/** The key under which an API recognises a repeated delivery: a UUID (version 8, RFC 9562) of what is delivered, the same whoever asks and whenever. */
export function deliveryKey(scope: DeliveryScope, what: { record: string; version: string; turn: number }, alone = false): string {
  return uuid(sha256([scope.target, scope.stream, what.record, what.version, what.turn, ...(alone ? ['alone'] : [])]))
}

/** The key of a request with many deliveries. */
export function requestKey(keys: string[]): string {
  return uuid(sha256(keys))
}

function uuid(hash: Buffer): string {
  const bytes = Buffer.from(hash.subarray(0, 16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
