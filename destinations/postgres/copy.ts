import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import type { ClientBase } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { IsthmusError } from '../../model/errors.ts'

const PART = 256 * 1024

/** Bytes of the rows file: from `start` up to, not including, `end`. */
export interface ByteRange {
  start: number
  end: number
}

/** Sends rows in COPY's text format to PostgreSQL as fast as it takes them. Gives the number of rows. */
export async function copyRows(client: ClientBase, table: string, columns: string, path: string, range: ByteRange | null): Promise<number> {
  if (range && range.start >= range.end) return 0
  const source = createReadStream(path, { highWaterMark: PART, ...(range ? { start: range.start, end: range.end - 1 } : {}) })
  return copyStream(client, `copy ${table} (${columns}) from stdin`, source)
}

export function copyStream(client: ClientBase, sql: string, source: Readable): Promise<number> {
  return new Promise((resolve, reject) => {
    const target = client.query(copyFrom(sql, { highWaterMark: PART * 2 }))
    let failed = false
    const fail = (error: unknown) => {
      if (failed) return
      failed = true
      source.unpipe(target)
      source.destroy()
      // At once, while it still has its connection: PostgreSQL ignores what comes after its own error.
      target.destroy()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    target.on('error', fail)
    target.on('finish', () => resolve(target.rowCount))
    source.on('error', (error: NodeJS.ErrnoException) => {
      fail(error.code === 'ENOENT' ? new IsthmusError('StageLost', 'The staged rows of the chunk are gone') : error)
    })
    source.pipe(target)
  })
}
