import { fieldIncrementOf, pathKeys, streamSchema } from '../../model/index.ts'
import type { Stream } from '../../model/index.ts'
import type { Running } from '../types.ts'
import type { Asked, DoubleOptions } from './double.ts'
import { textAt, type Found } from './extract.ts'
import { sliceAt } from './paging.ts'
import { keyOf, makeRecords, momentOf, put, type Made } from './records.ts'
import { addTo, withRecords } from './write.ts'

/** Parents of a stream that has some. */
const PARENTS = 7
/** What a stream with change tokens hands out. */
export const CHANGE_TOKEN = 'changes-1'

/** The records behind a double, whatever it speaks. */
export interface Data {
  keys: string[]
  since: Running['since']
  own: Made[]
  /** The records that the stream's are children of, and the stream that gives them. */
  parents: { stream: Stream; records: Made[] } | null
  /** The records that fit what a request says. */
  matching(found: Found): Made[]
  /** The page that is asked for, as the value of a body; null when its place is none. */
  page(asked: Asked, found: Found, of: Stream, list: Made[], origin: string): { body: unknown; headers: Record<string, string> } | null
}

/** Makes the records that a description looks at. */
export function createData({ stream, records, pageSize, quirks }: DoubleOptions): Data {
  const { parent, incremental } = stream
  const outer = parent ? streamSchema.parse(parent.stream) : null
  const parents = outer ? makeRecords(outer, PARENTS, 'P') : []
  const names = parent ? [...new Set([...JSON.stringify({ ...stream, parent: null }).matchAll(/\{parent\.([^{}"]+)\}/g)].map((m) => m[1]!))] : []
  parents.forEach((p, n) => {
    for (const path of [...names, ...parent!.fields]) if (textAt(p, pathKeys(path).join('.')) === null) put(p, path, keyOf(n, 'P'))
  })
  const own = makeRecords(stream, records)
  const key = (record: Made): string => stream.key.map((path) => textAt(record, pathKeys(path).join('.')) ?? '').join('/')
  // Parents have 0, 1, 2, ... children; the last ones share the rest.
  const ownerOf = (n: number): number => Math.min(PARENTS - 1, Math.floor(Math.sqrt(2 * n)))
  const increment = fieldIncrementOf(stream)
  const ofParent = increment !== null && pathKeys(increment.field)[0] === '_parent'
  const middle = Math.floor(records / 2)
  const above = own.slice(middle).map(key)
  return {
    keys: own.map(key),
    own,
    parents: outer && { stream: outer, records: parents },
    since: increment && !ofParent ? { bound: new Date(momentOf(middle)).toISOString(), keys: above } : incremental?.kind === 'token' && incremental.send !== '' ? { bound: CHANGE_TOKEN, keys: above } : null,
    matching: (found) => {
      const since = found['since'] ?? null
      return own.filter((_, n) => {
        if (parent) {
          const p = parents[ownerOf(n)]!
          if (!names.every((name) => found[`parent.${name}`] === textAt(p, name))) return false
        }
        if (since !== null && increment && !ofParent && momentOf(n) < timeOf(since)) return false
        if (since !== null && incremental?.kind === 'token' && n < middle) return false
        if (found['from'] !== undefined && momentOf(n) < timeOf(found['from'])) return false
        if (found['to'] !== undefined && momentOf(n) >= timeOf(found['to'])) return false
        return found['after'] === undefined || found['after'] === '' || keyOf(n) > found['after']
      })
    },
    page(asked, found, of, list, origin) {
      const slice = sliceAt(of, list, asked, found, pageSize, of === stream ? quirks : {}, origin)
      if (slice === null) return null
      const body = withRecords(of.records, slice.records)
      for (const { path, value } of slice.fields) addTo(body, path, value)
      if (of === stream && incremental?.kind === 'token' && slice.last) addTo(body, incremental.token, incremental.send === '' && !JSON.stringify(stream).includes('{since}') ? `${origin}${asked.path}?_changes=${CHANGE_TOKEN}` : CHANGE_TOKEN)
      if (of === stream && stream.window?.total) addTo(body, stream.window.total, list.length)
      return { body, headers: slice.headers }
    },
  }
}

function timeOf(text: string): number {
  if (!/^\d+$/.test(text)) return Date.parse(text)
  return Number(text) * (text.length >= 12 ? 1 : 1000)
}
