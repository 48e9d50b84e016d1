import { createPrivateKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { IsthmusError } from '../../model/index.ts'
import type { Blame } from './types.ts'
import { cureOf } from './blame.ts'

const KEY_TYPES: Record<string, string> = { RS256: 'rsa', PS256: 'rsa', ES256: 'ec' }

/** A PEM whose key is locked by a passphrase: PKCS#8, or the older form with a header of its own. */
export function isEncrypted(pem: string): boolean {
  return /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: *4, *ENCRYPTED/.test(pem)
}

/** The key that signs: raw bytes for HS256, else a PEM (PKCS#8, PKCS#1 or SEC1; `\n` may be written out, as `.env` files do). */
export function signingKey(algorithm: string, text: string, blame: Blame): KeyObject | Uint8Array {
  if (algorithm === 'HS256') return new TextEncoder().encode(text)
  let key: KeyObject
  try {
    key = createPrivateKey(text.replaceAll('\\n', '\n'))
  } catch {
    // The error of OpenSSL is left out: it may quote the key.
    if (isEncrypted(text)) throw new IsthmusError('InvalidInput', `the key for ${algorithm} is locked by a passphrase`, { field: blame.field, cure: `${cureOf(blame)}: take the passphrase off with \`openssl pkey -in key.pem\`` })
    throw new IsthmusError('InvalidInput', `the key for ${algorithm} is not a PEM private key`, { field: blame.field, cure: cureOf(blame) })
  }
  if (key.asymmetricKeyType !== KEY_TYPES[algorithm]) {
    throw new IsthmusError('InvalidInput', `${algorithm} needs another kind of key than ${key.asymmetricKeyType}`, {
      field: blame.field,
      cure: `${cureOf(blame)}, or choose the algorithm that fits the key`,
    })
  }
  return key
}
