import type { Stream } from '../../model/index.ts'
import { parseExact } from '../../model/json/index.ts'
import { decodeCsv } from './csv.ts'
import { decodeNdjson } from './ndjson.ts'
import { createXmlDecoder } from './xml.ts'

export interface DecodeOptions {
  /** Numbers of JSON become exact numbers; false leaves them marked (see `parseExact`). Default: true. */
  revive?: boolean
}

/** The value of a body in UTF-8. Throws Contract when it is not what the format says, PageTooLarge when it is too deep. */
export type Decode = (body: Buffer, options?: DecodeOptions) => unknown

/** Compiles how the bodies of a stream are read. */
export function createDecoder({ format, records }: Pick<Stream, 'format' | 'records'>): Decode {
  switch (format.kind) {
    case 'json':
      return (body, options = {}) => parseExact(body, options)
    case 'ndjson':
      return decodeNdjson
    case 'csv':
      return (body, options) => decodeCsv(body, format, options)
    case 'xml':
      return createXmlDecoder(format, records)
  }
}
