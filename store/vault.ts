import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { IsthmusError } from '../model/errors.ts'
import { sourceOf, type VaultKey } from './vault-key.ts'

/** Where a sealed value stands. It opens there only: moved to another row or field it is refused. */
export interface SealedPlace {
  table: string
  row: string
  field: string
}

const ALGORITHM = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
const FORM = /^v([12])\.([0-9a-f]{16})\.([\w-]{16})\.([\w-]{22,})$/

/** A key that seals values, by its id. */
export type SealingKey = Pick<VaultKey, 'id' | 'secret' | 'source'>

/** Encrypts a text for one place: `v2.<key id>.<iv>.<ciphertext and tag>`. Version 1 was sealed by the vault's own key, version 2 by a data key. */
export function seal(key: SealingKey, text: string, place: SealedPlace, version: 1 | 2 = 2): string {
  const iv = randomBytes(IV_BYTES)
  const sealed = encrypt(key.secret, iv, Buffer.from(text), bound(place, key.id))
  return `v${version}.${key.id}.${iv.toString('base64url')}.${sealed.toString('base64url')}`
}

/** Opens what `seal` made. Throws VaultKey when the key is another one, or the value is not the one that was sealed here. */
export function openSealed(key: SealingKey, sealed: string, place: SealedPlace): string {
  const [, , keyId, iv, body] = FORM.exec(sealed) ?? []
  if (keyId !== undefined && keyId !== key.id) throw wrongKey(key)
  try {
    return decrypt(key.secret, Buffer.from(iv!, 'base64url'), Buffer.from(body!, 'base64url'), bound(place, key.id)).toString()
  } catch {
    throw new IsthmusError('VaultKey', `A sealed value in isthmus.${place.table} does not open: it was changed or moved`, {
      cure: 'save the connection again, and find out who writes to that table',
    })
  }
}

/** Which key a value was sealed with; null when it is not of this form. */
export function sealedBy(sealed: string): { version: 1 | 2; key: string } | null {
  const [, version, key] = FORM.exec(sealed) ?? []
  return key === undefined ? null : { version: Number(version) as 1 | 2, key }
}

/** `key`: the one that was tried. */
export function wrongKey(key: Pick<VaultKey, 'source'> = {}): IsthmusError {
  const source = sourceOf(key)
  return new IsthmusError('VaultKey', `The credentials in this database were sealed with another key${source === '' ? '' : ` than that of ${source}`}`, {
    cure: 'give the key they were sealed with: in ISTHMUS_KEY, ISTHMUS_KEY_FILE, ISTHMUS_KEY_COMMAND or .isthmus/key',
  })
}

function bound({ table, row, field }: SealedPlace, keyId: string): Buffer {
  return Buffer.from(JSON.stringify([table, row, field, keyId]))
}

/** HMAC-SHA256. */
export function hmac(secret: Buffer, text: Buffer | string): Buffer {
  return createHmac('sha256', secret).update(text).digest()
}

/** AES-GCM with a tag of 16 bytes, which stands at the end. */
export function encrypt(secret: Buffer, iv: Buffer, text: Buffer, aad: Buffer): Buffer {
  const cipher = createCipheriv(ALGORITHM, secret, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(aad)
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
}

/** The opposite of `encrypt`. Throws when anything was changed. */
export function decrypt(secret: Buffer, iv: Buffer, sealed: Buffer, aad: Buffer): Buffer {
  if (iv.length !== IV_BYTES || sealed.length < TAG_BYTES) throw new Error('malformed')
  const decipher = createDecipheriv(ALGORITHM, secret, iv, { authTagLength: TAG_BYTES })
  decipher.setAAD(aad)
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()])
}
