import { sourceSchema, streamSchema } from '../../model/index.ts'
import type { PageRead, Position, SourceInput, StreamInput, Token, Value } from '../../model/index.ts'
import { openRest, readPages } from '../rest/index.ts'
import type { ReadOptions, ReadResult, RestReader } from '../rest/index.ts'

/** What tests read a stream with. */
export interface Reading {
  reader: RestReader
  /** Ids handed over so far, in order, over all calls. */
  ids: number[]
  pages: PageRead[]
  read(more?: Partial<Omit<ReadOptions, 'budget'>> & { budget?: Partial<ReadOptions['budget']> }): Promise<ReadResult>
  close(): Promise<void>
}

export const wide = { untilMs: Infinity, bytes: Infinity, requests: Infinity }

/** Opens a stream of a test server and collects what it hands over. */
export function reading(url: string, stream: Omit<StreamInput, 'name' | 'path'> & { path?: string }, source: Omit<Partial<SourceInput>, 'kind'> = {}, env: Record<string, string> = {}): Reading {
  const resolve = (value: Value) => (typeof value === 'string' ? value : (env[(value as { env: string }).env] ?? ''))
  const reader = openRest({
    source: sourceSchema.parse({ baseUrl: url, timeout: '2s', ...source }),
    stream: streamSchema.parse({ name: 'test', path: '/items', records: 'data', key: 'id', ...stream }),
    resolve,
  })
  const ids: number[] = []
  const pages: PageRead[] = []
  const keys = reader.stream.records === '' ? [] : String(reader.stream.records).split('.')
  return {
    reader,
    ids,
    pages,
    read: (more = {}) =>
      readPages({
        reader,
        position: null,
        since: null,
        token: async () => null,
        pacer: null,
        signal: new AbortController().signal,
        onPage: async (page) => {
          pages.push(page)
          const body: unknown = JSON.parse(page.body.toString())
          const list = keys.reduce<any>((v, k) => v[k], body) as { id: number }[]
          ids.push(...list.map((r) => r.id))
        },
        ...more,
        budget: { ...wide, ...more.budget },
      }),
    close: () => reader.close(),
  }
}

export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
export const token = (version: number, accessToken = `token-${version}`, expiresAt: Date | null = null): Token => ({ version, accessToken, expiresAt, refreshToken: null })
export const at = (position: Position | null): string => JSON.stringify(position)
