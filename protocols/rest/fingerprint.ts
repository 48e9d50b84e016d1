import { scryptSync } from 'node:crypto'
import { referenceOf } from '../../model/index.ts'
import type { Auth, Value } from '../../model/index.ts'

/**
 * A short text that changes when the credentials do, so that tokens of old ones are not taken for those of new ones.
 * scrypt (RFC 7914), because it is stored and the values behind it may be easy to guess.
 */
export function fingerprint(auth: Auth, baseUrl: string, resolve: (value: Value) => string): string {
  if (auth.kind === 'none') return 'none'
  const plain = JSON.stringify([baseUrl, auth], (_key, value: unknown) => {
    const reference = referenceOf(value)
    return reference ? { value: resolve(reference) } : value
  })
  return scryptSync(plain, 'isthmus credentials', 9, { N: 4096, r: 8, p: 1 }).toString('base64url')
}
