import { createHmac } from 'node:crypto'
import { durationMs, IsthmusError } from '../../model/index.ts'
import { sameSecret } from '../../model/same-secret.ts'
import type { HmacSignature, Signature } from '../../model/webhook.ts'

/** A request as it was received. */
export interface Delivery {
  method: string
  /** The address that the sender called, with its query. */
  url: string
  /** By lower-case name. */
  headers: Record<string, string | string[] | undefined>
  /** The bytes of the body: a body that was parsed and written again has another signature. */
  body: Buffer
}

/** The one value of a header; '' when it is missing or repeated, since then nobody knows which one counts. */
export function headerOf({ headers }: Pick<Delivery, 'headers'>, name: string): string {
  const value = headers[name.toLowerCase()]
  return typeof value === 'string' ? value : ''
}

/**
 * Sees that a request comes from who knows the secret, and is not an old one sent again. `id` is the event's id where it stands in a header.
 * Throws AuthFailed, which never tells what was expected.
 */
export function verify(signature: Signature, delivery: Delivery, secret: string, id: string, now: number): void {
  if (signature.kind === 'token') {
    const given = headerOf(delivery, signature.header)
    if (given === '' || !given.startsWith(signature.prefix) || !sameSecret(given.slice(signature.prefix.length), secret)) throw refused(signature.header)
    return
  }
  const header = headerOf(delivery, signature.header)
  if (header === '') throw refused(signature.header)
  const pairs = signature.form === 'pairs' ? pairsOf(header) : []
  const timestamp = timestampOf(signature, delivery, pairs)
  if (signature.timestamp && !fresh(signature, timestamp, now)) {
    throw new IsthmusError('AuthFailed', `the time of the signature (${signature.timestamp.header}) is missing or more than ${signature.tolerance} from now`, { field: signature.timestamp.header, cure: 'see that the clocks are right; an old request is not taken again' })
  }
  const mac = createHmac(signature.algorithm, keyOf(signature, secret))
  for (const part of partsOf(signature.signed, delivery, timestamp, id)) mac.update(part)
  const expected = mac.digest()
  // All are compared: senders give several while they change the secret.
  const right = signaturesOf(signature, header, pairs).map((given) => sameSecret(Buffer.from(given, signature.encoding), expected))
  if (!right.includes(true)) throw refused(signature.header)
}

function refused(header: string): IsthmusError {
  return new IsthmusError('AuthFailed', `the signature (${header}) is missing or wrong`, { field: header, cure: 'see that both sides have the same secret, and that nothing on the way changes the body' })
}

function keyOf({ secretFormat }: HmacSignature, secret: string): Buffer {
  return secretFormat === 'text' ? Buffer.from(secret) : Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
}

function pairsOf(header: string): [string, string][] {
  return header.split(',').map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, Math.max(at, 0)).trim(), pair.slice(at + 1).trim()]
  })
}

function signaturesOf({ form, prefix }: HmacSignature, header: string, pairs: [string, string][]): string[] {
  if (form === 'pairs') return pairs.filter(([name]) => name === prefix).map(([, value]) => value)
  const given = form === 'list' ? header.split(' ') : [header]
  return given.filter((s) => s.startsWith(prefix)).map((s) => s.slice(prefix.length))
}

function timestampOf({ timestamp, form }: HmacSignature, delivery: Delivery, pairs: [string, string][]): string {
  if (!timestamp) return ''
  return form === 'pairs' ? (pairs.find(([name]) => name === timestamp.header)?.[1] ?? '') : headerOf(delivery, timestamp.header)
}

function fresh({ timestamp, tolerance }: HmacSignature, text: string, now: number): boolean {
  if (!/^\d{1,16}$/.test(text)) return false
  return Math.abs(Number(text) * (timestamp!.unit === 's' ? 1_000 : 1) - now) <= durationMs(tolerance)
}

/** What is signed: the body's bytes are taken as they are, whatever their character set. */
function partsOf(signed: string, delivery: Delivery, timestamp: string, id: string): (string | Buffer)[] {
  const values: Record<string, string | Buffer> = { body: delivery.body, timestamp, id, method: delivery.method, url: delivery.url }
  return signed.split(/\{(body|timestamp|id|method|url)\}/).map((part, i) => (i % 2 === 1 ? values[part]! : part))
}
