import { promisify } from 'node:util'
import { brotliDecompress, constants, gunzip, inflate, inflateRaw } from 'node:zlib'
import { IsthmusError } from '../../model/index.ts'

/** Content codings we ask for and can decode (RFC 9110 8.4). */
export const ACCEPT_ENCODING = 'gzip, deflate, br'
const MAX_CODINGS = 3
const CHUNK = 128 * 1024
const unzip = promisify(gunzip) as Decode
const unbrotli = promisify(brotliDecompress) as Decode
const undeflate = promisify(inflate) as Decode
const undeflateRaw = promisify(inflateRaw) as Decode
type Decode = (body: Buffer, options: { maxOutputLength: number; chunkSize: number; finishFlush?: number }) => Promise<Buffer>

/** The largest body of one answer, decoded. */
export interface SizeLimit {
  bytes: number
  /** It is the limit of pages, which a person can change. */
  ofPages: boolean
}

/** The error of a body above the limit. */
export function tooLarge({ bytes, ofPages }: SizeLimit): IsthmusError {
  return new IsthmusError('PageTooLarge', `the answer is larger than ${bytes} bytes`, ofPages
    ? { field: 'from.maxPageBytes', cure: 'ask the API for smaller pages, or raise `maxPageBytes`' }
    : { cure: 'check the address: an answer of this kind is never that large' })
}

/**
 * The readable part of a body that only explains a refusal or redirect; it may be cut. Never throws: the status says what matters, so a
 * body that cannot be decoded within `maxBytes` is empty.
 */
export async function decodeExcuse(raw: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> {
  try {
    return await decodeBody(raw, encoding, { bytes: maxBytes, ofPages: false }, true)
  } catch {
    return Buffer.alloc(0)
  }
}

/**
 * Decodes a whole body. The DECODED bytes count against the limit, after each coding, and decoding stops there.
 * A body that is cut short or damaged is Transient: zlib, unlike HTTP clients that decode on their own, insists on its end
 * (unless `partly`).
 */
export async function decodeBody(raw: Buffer, encoding: string | undefined, limit: SizeLimit, partly = false): Promise<Buffer> {
  if (encoding === undefined || raw.length === 0) return raw
  const codings = encoding.toLowerCase().split(',').map((c) => c.trim()).filter((c) => c !== '' && c !== 'identity')
  if (codings.length > MAX_CODINGS) throw new IsthmusError('Contract', `the answer is encoded ${codings.length} times over`)
  let body = raw
  for (const coding of codings.reverse()) body = await decodeOnce(body, coding, limit, partly)
  return body
}

/** The bytes begin like a gzip file with the one method there is (RFC 1952 2.3.1). */
export function isGzip(body: Buffer): boolean {
  return body[0] === 0x1f && body[1] === 0x8b && body[2] === 8
}

async function decodeOnce(body: Buffer, coding: string, limit: SizeLimit, partly: boolean): Promise<Buffer> {
  const flush = coding === 'br' ? constants.BROTLI_OPERATION_FLUSH : constants.Z_SYNC_FLUSH
  const options = { maxOutputLength: limit.bytes, chunkSize: Math.min(CHUNK, Math.max(64, limit.bytes)), ...(partly ? { finishFlush: flush } : {}) }
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
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit)
    throw new IsthmusError('Transient', `the ${coding} body is cut short or damaged`)
  }
  throw new IsthmusError('Contract', `the answer is encoded with ${JSON.stringify(coding.slice(0, 40))}, which was not asked for`)
}
