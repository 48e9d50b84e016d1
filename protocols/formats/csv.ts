import Papa from 'papaparse'
import { IsthmusError } from '../../model/index.ts'
import type { CsvFormat } from '../../model/index.ts'

/** Records of a CSV body (RFC 4180), values as texts. Throws Contract. */
export function decodeCsv(body: Buffer, format: CsvFormat): Record<string, string>[] {
  const { data, errors } = Papa.parse<Record<string, string>>(body.toString('utf8'), { header: true, delimiter: format.delimiter, quoteChar: format.quote, skipEmptyLines: true })
  if (errors[0]) throw new IsthmusError('Contract', `the CSV is damaged: ${errors[0].message}`)
  return data
}
