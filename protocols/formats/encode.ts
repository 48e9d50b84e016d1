import type { BodyFormat } from '../../model/index.ts'
import { jsonText, stringifyExact } from '../../model/json/index.ts'
import { encodeForm } from './form.ts'
import { encodeXml } from './xml-write.ts'

/** A request body in its format, and its Content-Type. Throws InvalidInput for a value that the format cannot hold. */
export function encodeBody(format: BodyFormat, value: unknown): { body: string; contentType: string } {
  switch (format) {
    case 'json':
      return { body: stringifyExact(value), contentType: 'application/json' }
    case 'text':
      return { body: jsonText(value), contentType: 'text/plain; charset=utf-8' }
    case 'form':
      return { body: encodeForm(value), contentType: 'application/x-www-form-urlencoded' }
    case 'xml':
      return { body: encodeXml(value), contentType: 'application/xml; charset=utf-8' }
  }
}
