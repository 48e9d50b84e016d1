import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'
import { IsthmusError } from '../../model/index.ts'
import type { RawResponse } from './exchange.ts'

/** Content codings we ask for and can decode (RFC 9110 8.4). */
export const ACCEPT_ENCODING = 'gzip, deflate, br'
/** Bodies of errors are read for their message only. */
export const MAX_ERROR_BYTES = 1024 * 1024
const MAX_CODINGS = 3
const CHUNK = 128 * 1024
const unzip = promisify(gunzip) as Decode
const unbrotli = promisify(brotliDecompress) as Decode
const undeflate = promisify(inflate) as Decode
const undeflateRaw = promisify(inflateRaw) as Decode
type Decode = (body: Buffer, options: { maxOutputLength: number; chunkSize: number }) => Promise<Buffer>

/** The error of a body above the limit. */
export function tooLarge(maxBytes: number): IsthmusError {
  return new IsthmusError('PageTooLarge', `the answer is larger than ${maxBytes} bytes`, {
    field: 'from.maxPageBytes',
    cure: 'ask the API for smaller pages, or raise `maxPageBytes`',
  })
}

/**
 * Decodes a whole body. The DECODED bytes count against `maxBytes`, and decoding stops there.
 * A body that is cut short or damaged is Transient: zlib, unlike HTTP clients that decode on their own, insists on its end.
 */
export async function decodeBody(raw: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> {
  if (encoding === undefined || raw.length === 0) return raw
  const codings = encoding.toLowerCase().split(',').map((c) => c.trim()).filter((c) => c !== '' && c !== 'identity')
  if (codings.length > MAX_CODINGS) throw new IsthmusError('Contract', `the answer is encoded ${codings.length} times over`)
  let body = raw
  for (const coding of codings.reverse()) body = await decodeOnce(body, coding, maxBytes)
  return body
}

async function decodeOnce(body: Buffer, coding: string, maxBytes: number): Promise<Buffer> {
  const options = { maxOutputLength: maxBytes, chunkSize: CHUNK }
  try {
    switch (coding) {
      case 'gzip':
      case 'x-gzip':
        return await unzip(body, options)
      case 'br':
        return await unbrotli(body, options)
      case 'deflate':
        // RFC 9110 means zlib's wrapper; several servers send the bare stream.
        return await ((body[0]! & 0x0f) === 8 ? undeflate : undeflateRaw)(body, options)
    }
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes)
    throw new IsthmusError('Transient', `the ${coding} body is cut short or damaged`)
  }
  throw new IsthmusError('Contract', `the answer is encoded with ${JSON.stringify(coding.slice(0, 40))}, which was not asked for`)
}

/** Decodes the body of an answer; of an error nothing beyond what a message needs, and nothing when it does not decode. */
export async function decodeAnswer({ status, headers, body }: RawResponse, maxBytes: number): Promise<Buffer> {
  const encoding = headers['content-encoding']
  if (status < 400) return decodeBody(body, encoding, maxBytes)
  return decodeBody(body, encoding, Math.min(maxBytes, MAX_ERROR_BYTES)).catch(() => Buffer.alloc(0))
}
