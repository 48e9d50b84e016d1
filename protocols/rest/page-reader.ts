import { IsthmusError } from '../../model/index.ts'
import type { Position } from '../../model/index.ts'
import { stringifyExact } from '../../model/json/index.ts'
import { createDecoder, toUtf8 } from '../formats/index.ts'
import type { HttpResponse } from '../http/index.ts'
import { createFactReader, emptyFacts, emptyBody } from './facts.ts'
import type { Facts } from './facts.ts'
import { cutRange } from './range.ts'
import { asFirstAnswer } from '../soap/index.ts'
import type { RestReader } from './types.ts'

/** Reads the answers of a stream. */
export interface PageReader {
  /** Body in UTF-8, and what it holds. Throws Contract or PageTooLarge when it is not what the format says. */
  decode(response: HttpResponse, position: Position | null, operation: string | null): Promise<Decoded>
  /** What paging needs. Throws Contract where the body is not as the plan describes. */
  facts(decoded: Decoded, response: HttpResponse): Facts
  /** The body of a page without records. */
  readonly empty: Buffer
}

export interface Decoded {
  /** As it is staged. */
  body: Buffer
  /** Numbers are marked. */
  value: unknown
  /** Where the next part of a file begins; null when there is none. */
  range: Position | null
}

export function createPageReader({ stream, connection }: RestReader, raw: boolean): PageReader {
  const decode = createDecoder(stream)
  const readFacts = createFactReader(stream)
  const { format, page } = stream
  return {
    async decode(response, position, operation) {
      if (operation !== null) {
        if (!connection.soap) throw new IsthmusError('InvalidInput', 'the source has no WSDL', { field: 'from.soap' })
        const read = await connection.soap.read(operation, toUtf8(response.body, response.headers['content-type'], { kind: 'xml', charset: '' }), stream.records)
        const value = operation === stream.soap?.operation ? read : asFirstAnswer(read, stream.records)
        return { body: Buffer.from(stringifyExact(value)), value, range: null }
      }
      const cut = page.kind === 'range' ? cutRange(response, position?.kind === 'range' ? position : null, format, page.bytes) : null
      const body = toUtf8(cut?.body ?? response.body, response.headers['content-type'], format)
      return { body, value: decode(body, { revive: false }), range: cut?.next ?? null }
    },
    facts({ value, range }, response) {
      if (raw) return { ...emptyFacts, records: 1, list: [value] }
      return { ...readFacts(value, response), range }
    },
    empty: emptyBody(stream),
  }
}
