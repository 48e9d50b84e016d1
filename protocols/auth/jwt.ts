import { randomUUID, X509Certificate } from 'node:crypto'
import { SignJWT } from 'jose'
import type { JWTPayload } from 'jose'
import { durationMs, IsthmusError } from '../../model/index.ts'
import type { Blame } from './types.ts'
import { signingKey } from './key.ts'
import { cureOf } from './blame.ts'

export interface JwtRecipe {
  algorithm: string
  /** Shared secret or PEM. */
  key: string
  keyId: string
  /** PEM of the certificate to name by its thumbprint; null names none. */
  certificate?: string | null
  ttl: string
  claims: JWTPayload
  blame: Blame
}

/** Signs a JWT (RFC 7519, compact JWS of RFC 7515) that is valid from now for `ttl`. */
export async function signJwt(recipe: JwtRecipe, nowMs: number): Promise<{ jwt: string; expiresAt: Date }> {
  const iat = Math.floor(nowMs / 1000)
  const exp = iat + Math.max(1, Math.round(durationMs(recipe.ttl) / 1000))
  const key = signingKey(recipe.algorithm, recipe.key, recipe.blame)
  const header = { alg: recipe.algorithm, typ: 'JWT', ...(recipe.keyId === '' ? {} : { kid: recipe.keyId }), ...(recipe.certificate ? { 'x5t#S256': thumbprint(recipe.certificate, recipe.blame) } : {}) }
  try {
    const jwt = await new SignJWT({ ...recipe.claims, iat, exp }).setProtectedHeader(header).sign(key)
    return { jwt, expiresAt: new Date(exp * 1000) }
  } catch (error) {
    throw new IsthmusError('InvalidInput', `the key cannot sign with ${recipe.algorithm}: ${(error as Error).message.slice(0, 120)}`, {
      field: recipe.blame.field,
      cure: cureOf(recipe.blame),
    })
  }
}

/** SHA-256 of a certificate's DER, base64url (RFC 7515 4.1.8). */
function thumbprint(pem: string, blame: Blame): string {
  try {
    return Buffer.from(new X509Certificate(pem.replaceAll('\\n', '\n')).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')
  } catch {
    const field = blame.field.replace(/key$/, 'certificate')
    throw new IsthmusError('InvalidInput', 'the certificate of the assertion is not in PEM form', { field, cure: `correct \`${field}\`` })
  }
}

/** A unique `jti`: a JWT assertion may be used once (RFC 7523 section 3). */
export function newJwtId(): string {
  return randomUUID()
}
