import { X509Certificate } from 'node:crypto'
import type { Source, Value } from '../../model/index.ts'

/** A credential that does not renew itself, and when it ends; null when that is not known. */
export interface Lapse {
  what: string
  at: Date | null
}

/** What of a source's credentials ends at a known time: its client certificate, and a fixed token that is a JWT (RFC 7519, `exp`). */
export function lapsesOf({ tls, auth }: Source, resolve: (value: Value) => string): Lapse[] {
  const lapses: Lapse[] = []
  if (tls.cert !== null) lapses.push({ what: 'the client certificate', at: quietly(() => new Date(new X509Certificate(resolve(tls.cert!).replaceAll('\\n', '\n')).validTo)) })
  const fixed = auth.kind === 'bearer' ? auth.token : auth.kind === 'apiKey' ? auth.key : null
  if (fixed !== null) lapses.push({ what: 'the token', at: quietly(() => expiryOf(resolve(fixed))) })
  return lapses
}

/** `exp` of a JWT; null for any other text. */
export function expiryOf(token: string): Date | null {
  const [, payload, signature, ...more] = token.split('.')
  if (!payload || signature === undefined || more.length > 0) return null
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp?: unknown } | null
  return typeof claims?.exp === 'number' && Number.isFinite(claims.exp) ? new Date(claims.exp * 1000) : null
}

/** What cannot be read is told of where it is used. */
function quietly(get: () => Date | null): Date | null {
  try {
    const at = get()
    return at && Number.isFinite(at.getTime()) ? at : null
  } catch {
    return null
  }
}
