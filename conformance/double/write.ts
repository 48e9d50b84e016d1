import type { Format } from '../../model/index.ts'
import { pathKeys } from '../../model/index.ts'
import type { Path } from '../../model/index.ts'
import { put, type Made } from './records.ts'

/** The value of a body with records at a path; behind a `*` each record stands alone. */
export function withRecords(path: Path, records: unknown[]): unknown {
  const keys = pathKeys(path)
  const star = keys.indexOf('*')
  return star < 0 ? nest(keys, records) : nest(keys.slice(0, star), records.map((record) => nest(keys.slice(star + 1), record)))
}

function nest(keys: string[], value: unknown): unknown {
  return keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)
}

/** Adds a value to a body that is an object. */
export function addTo(body: unknown, path: Path, value: unknown): void {
  if (body !== null && typeof body === 'object' && !Array.isArray(body)) put(body as Made, path, value)
}

/** A body in its format, written by hand: not by what reads it. */
export function writeBody(format: Format, body: unknown): { text: string; type: string } {
  switch (format.kind) {
    case 'json':
      return { text: JSON.stringify(body), type: 'application/json' }
    case 'ndjson':
      return { text: (body as unknown[]).map((r) => `${JSON.stringify(r)}\n`).join(''), type: 'application/x-ndjson' }
    case 'csv': {
      const rows = body as Record<string, unknown>[]
      const names = format.columns ?? [...new Set(rows.flatMap((r) => Object.keys(r)))]
      const cell = (v: unknown): string => `${format.quote}${String(v ?? '').replaceAll(format.quote, format.quote + format.quote)}${format.quote}`
      const lines = rows.map((r) => names.map((n) => cell(r[n])).join(format.delimiter))
      const skipped = Array.from({ length: format.skip }, (_, i) => `remark ${i}`)
      return { text: [...skipped, ...(format.header ? [names.join(format.delimiter)] : []), ...lines].map((l) => `${l}\r\n`).join(''), type: 'text/csv; charset=utf-8' }
    }
    case 'xml':
      return { text: `<?xml version="1.0" encoding="UTF-8"?>\n${element(body as Made, format.attributes, format.text)}`, type: 'application/xml' }
  }
}

function element(object: Made, attribute: string, text: string): string {
  return Object.entries(object)
    .filter(([name]) => !name.startsWith(attribute) || attribute === '')
    .map(([name, value]) =>
      name === text
        ? escapeXml(String(value))
        : [value]
            .flat()
            .map((one: unknown) => {
              if (one === null || typeof one !== 'object') return `<${name}>${escapeXml(String(one ?? ''))}</${name}>`
              const attributes = Object.entries(one)
                .filter(([n]) => attribute !== '' && n.startsWith(attribute))
                .map(([n, v]) => ` ${n.slice(attribute.length)}="${escapeXml(String(v)).replaceAll('"', '&quot;')}"`)
              return `<${name}${attributes.join('')}>${element(one as Made, attribute, text)}</${name}>`
            })
            .join(''),
    )
    .join('')
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]!)
}
