import { readFile } from 'node:fs/promises'
import { IsthmusError } from '../../model/errors.ts'
import { ExactNumber, parseExact } from '../../model/json/index.ts'
import type { Column, ColumnType } from '../../model/plan.ts'
import { rowValues } from '../postgres/lines.ts'

/** A mapped record, read back from the load format of the map step. */
export interface Row {
  /** Line in the rows file, from 0. */
  line: number
  /** The line itself: equal texts are equal records. */
  text: string
  /** Columns as texts, null for null. */
  cells: Record<string, string | null>
  /** Columns as JSON values; numbers keep their digits. */
  values: Record<string, unknown>
}

/** Reads the rows of a chunk. Throws StageLost when the file is gone or has another number of rows. */
export async function readRows(path: string, columns: Column[], expected: number): Promise<Row[]> {
  if (expected === 0) return []
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new IsthmusError('StageLost', 'The staged rows of the chunk are gone') : error
  })
  // A line break inside a value is escaped.
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  if (lines.length !== expected) throw new IsthmusError('StageLost', `The staged rows of the chunk are ${lines.length}, not ${expected}`)
  return lines.map((line, i) => decodeRow(line, i, columns))
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

export function decodeRow(text: string, line: number, columns: Column[]): Row {
  const cells = rowValues(text, columns.map((c) => c.name))
  const values = Object.fromEntries(columns.map((c) => [c.name, jsonValue(cells[c.name]!, c.type)]))
  return { line, text, cells, values }
}

function jsonValue(cell: string | null, type: ColumnType): unknown {
  if (cell === null) return null
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'float':
      return NUMBER.test(cell) ? new ExactNumber(cell) : cell
    case 'boolean':
      return cell === 't' || cell === 'true'
    case 'json':
      return parseExact(Buffer.from(cell), { maxDepth: 10_000 })
    case 'text':
    case 'enum':
    case 'date':
    case 'timestamp':
    case 'localTimestamp':
    case 'time':
    case 'uuid':
      return cell
  }
}
