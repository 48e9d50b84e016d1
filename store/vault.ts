import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { IsthmusError } from '../model/errors.ts'
import type { VaultKey } from './vault-key.ts'

/** Where a sealed value stands. It opens there only: moved to another row or field it is refused. */
export interface SealedPlace {
  table: string
  row: string
  field: string
}

const ALGORITHM = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
const FORM = /^v1\.([0-9a-f]{16})\.([\w-]{16})\.([\w-]{22,})$/

/** Encrypts a text for one place: `v1.<key id>.<iv>.<ciphertext and tag>`. */
export function seal(key: VaultKey, text: string, place: SealedPlace): string {
  const iv = randomBytes(IV_BYTES)
  const sealed = encrypt(key.secret, iv, Buffer.from(text), bound(place, key.id))
  return `v1.${key.id}.${iv.toString('base64url')}.${sealed.toString('base64url')}`
}

/** Opens what `seal` made. Throws VaultKey when the key is another one, or the value is not the one that was sealed here. */
export function openSealed(key: VaultKey, sealed: string, place: SealedPlace): string {
  const [, keyId, iv, body] = FORM.exec(sealed) ?? []
  if (keyId !== undefined && keyId !== key.id) throw wrongKey()
  try {
    return decrypt(key.secret, Buffer.from(iv!, 'base64url'), Buffer.from(body!, 'base64url'), bound(place, key.id)).toString()
  } catch {
    throw new IsthmusError('VaultKey', `A sealed value in isthmus.${place.table} does not open: it was changed or moved`, {
      cure: 'save the connection again, and find out who writes to that table',
    })
  }
}

export function wrongKey(): IsthmusError {
  return new IsthmusError('VaultKey', 'The credentials in this database were sealed with another key', {
    cure: 'set ISTHMUS_KEY or ISTHMUS_KEY_FILE to the key they were sealed with, or put that key into .isthmus/key',
  })
}

function bound({ table, row, field }: SealedPlace, keyId: string): Buffer {
  return Buffer.from(JSON.stringify([table, row, field, keyId]))
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
