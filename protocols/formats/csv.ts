import { CsvError, parse } from 'csv-parse/sync'
import { IsthmusError } from '../../model/index.ts'
import type { CsvFormat } from '../../model/index.ts'
import type { DecodeOptions } from './decode.ts'
import { markedText } from './marked.ts'
import { bomLength, checkUtf8 } from './utf8.ts'

/** Any of them ends a line outside of quotes, also when a file mixes them. */
const LINE_ENDS = ['\r\n', '\n', '\r']

/**
 * Records of a CSV body (RFC 4180), values as texts, '' for an empty cell. Lines without any cell are left out. Throws Contract, naming the
 * line, for a damaged file: a quote that is not closed, one that stands inside a cell, a row with more or fewer cells than the others.
 */
export function decodeCsv(body: Buffer, format: CsvFormat, options: DecodeOptions = {}): Record<string, string>[] {
  checkUtf8(body)
  const start = bomLength(body)
  const from = behindLines(body, start, format.skip)
  const rows = readRows(body.subarray(from), format)
  const head = format.header ? rows[0] : undefined
  if (format.header && head === undefined) {
    if (format.skip > 0 && body.length > start) throw damaged(`the file has no header line behind the ${format.skip} lines that are skipped`)
    return []
  }
  const names = format.columns === null ? (head ? headerNames(head) : numbered(rows[0]?.length ?? 0)) : namesGiven(format.columns, rows[0])
  const records: Record<string, string>[] = []
  for (let r = head ? 1 : 0; r < rows.length; r++) {
    const cells = rows[r]!
    const record: Record<string, string> = {}
    for (let c = 0; c < names.length; c++) {
      const text = options.revive === false ? markedText(cells[c]!) : cells[c]!
      if (names[c] === '__proto__') Object.defineProperty(record, '__proto__', { value: text, enumerable: true, configurable: true, writable: true })
      else record[names[c]!] = text
    }
    records.push(record)
  }
  return records
}

function readRows(body: Buffer, format: CsvFormat): string[][] {
  try {
    return parse(body, { delimiter: format.delimiter, quote: format.quote, escape: format.quote, record_delimiter: LINE_ENDS, skip_empty_lines: true })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const { code, lines } = error as CsvError & { lines?: number }
    const line = typeof lines === 'number' ? `line ${lines + format.skip}: ` : ''
    throw damaged(`${line}${WORDS[code] ?? 'this is not CSV'}`)
  }
}

const WORDS: Partial<Record<CsvError['code'], string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: 'the row has another number of cells than the rows before',
  CSV_RECORD_INCONSISTENT_COLUMNS: 'the row has another number of cells than the header',
  CSV_QUOTE_NOT_CLOSED: 'a quote is not closed, so the file is cut short or damaged',
  CSV_INVALID_CLOSING_QUOTE: 'something stands behind a closing quote',
  INVALID_OPENING_QUOTE: 'a quote stands inside a cell that is not quoted',
}

function damaged(why: string): IsthmusError {
  return new IsthmusError('Contract', `the CSV is damaged: ${why}`, { field: 'from.format', cure: "compare delimiter, quote, skip and header with the file: format: { kind: 'csv', delimiter: ';' }" })
}

/** Names of the header's cells; one without name is called by its place, c1, c2, ... Throws Contract for a name that is there twice. */
function headerNames(cells: string[]): string[] {
  const names = cells.map((name, i) => (name.trim() === '' ? `c${i + 1}` : name))
  const seen = new Set<string>()
  const twice = names.find((name) => seen.size === seen.add(name).size)
  if (twice === undefined) return names
  throw new IsthmusError('Contract', `the CSV has the column ${JSON.stringify(twice.slice(0, 60))} twice`, { field: 'from.format', cure: "name the columns: format: { kind: 'csv', columns: ['id', 'name', 'name2'] }" })
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `c${i + 1}`)
}

function namesGiven(columns: string[], first: string[] | undefined): string[] {
  if (first === undefined || first.length === columns.length) return columns
  throw damaged(`it has ${first.length} columns, but \`columns\` names ${columns.length}`)
}

/** Where the text begins behind a number of lines. */
function behindLines(body: Buffer, start: number, count: number): number {
  let at = start
  for (let line = 0; line < count && at < body.length; line++) {
    while (at < body.length && body[at] !== 0x0a && body[at] !== 0x0d) at++
    at += body[at] === 0x0d && body[at + 1] === 0x0a ? 2 : 1
  }
  return Math.min(at, body.length)
}
