import type { Format } from '../../model/index.ts'

/** The Accept header that asks for a format. */
export function acceptOf(format: Format): string {
  switch (format.kind) {
    case 'json':
      return 'application/json'
    case 'ndjson':
      return 'application/x-ndjson, application/jsonl, application/json;q=0.5'
    case 'csv':
      return 'text/csv, text/plain;q=0.5, */*;q=0.1'
    case 'xml':
      return 'application/xml, text/xml'
  }
}

/** What the first character of an answer has to fit to. */
export function expects(format: Format): 'json' | 'xml' | 'text' {
  return format.kind === 'json' || format.kind === 'xml' ? format.kind : 'text'
}
