import type { IncomingMessage } from 'node:http'
import type { Payload } from '@temporalio/common'

/** Largest body that is taken, in bytes. */
const MAX_BYTES = 4 * 1024 * 1024

/** A payload as the JSON of protobuf has it: all bytes in base64. */
export interface JsonPayload {
  metadata?: Record<string, string>
  data?: string
}

/** The body of a request; null when it has more than 4 MiB, of which no more is read. */
export async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) return null
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > MAX_BYTES) return null
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** The payloads of a message; null when it is no such message. */
export function parsePayloads(body: Buffer): Payload[] | null {
  try {
    const { payloads = [] } = JSON.parse(body.toString()) as { payloads?: JsonPayload[] }
    if (!Array.isArray(payloads)) return null
    return payloads.map((p) => ({
      metadata: Object.fromEntries(Object.entries(p.metadata ?? {}).map(([name, value]) => [name, Buffer.from(String(value), 'base64')])),
      data: Buffer.from(String(p.data ?? ''), 'base64'),
    }))
  } catch {
    return null
  }
}

export function payloadToJson({ metadata, data }: Payload): JsonPayload {
  return {
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')])),
    data: Buffer.from(data ?? []).toString('base64'),
  }
}
