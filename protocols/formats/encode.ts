import type { BodyFormat } from '../../model/index.ts'
import { IsthmusError } from '../../model/index.ts'
import { stringifyExact } from '../../model/json/index.ts'

/** A request body in its format, and its Content-Type. Throws InvalidInput for a value that the format cannot hold. */
export function encodeBody(format: BodyFormat, value: unknown): { body: string; contentType: string } {
  switch (format) {
    case 'json':
      return { body: stringifyExact(value), contentType: 'application/json' }
    case 'text':
      return { body: typeof value === 'string' ? value : stringifyExact(value), contentType: 'text/plain; charset=utf-8' }
    case 'form':
    case 'xml':
      throw new IsthmusError('InvalidInput', `bodies of the format ${format} are not there yet`)
  }
}
