import type { Format } from '../../model/index.ts'

/** UTF-8 of a body in another charset (its name from the Content-Type); JSON is UTF-8 by RFC 8259, some servers disagree. */
export function toUtf8(body: Buffer, contentType: string | undefined, _format: Pick<Format, 'kind'> & { charset?: string }): Buffer {
  const charset = /charset\s*=\s*"?([A-Za-z0-9._:-]{1,40})/i.exec(contentType ?? '')?.[1]?.toLowerCase()
  if (charset === undefined || charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii') return body
  try {
    return Buffer.from(new TextDecoder(charset).decode(body), 'utf8')
  } catch {
    // A charset nobody knows: the parser tells whether the bytes are UTF-8.
    return body
  }
}
