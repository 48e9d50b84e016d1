import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common'
import type { PayloadKeys } from '../../model/connections.ts'
import { IsthmusError } from '../../model/errors.ts'

/** Loaded with the first payload: it takes 0.25 s, and most commands see none. */
const wire = async () => (await import('@temporalio/proto')).default.temporal.api.common.v1.Payload
const ENCODING = 'binary/encrypted'
const CIPHER = 'AES/GCM'
const IV_BYTES = 12
const TAG_BYTES = 16
const text = (value: Uint8Array | null | undefined): string => Buffer.from(value ?? []).toString()
const bytes = (value: string): Uint8Array => Buffer.from(value)

/** Hears of a payload that does not open, and of the workflow it belongs to where that is known. */
export type Unopened = (error: IsthmusError, workflowId: string | undefined) => void

/**
 * Encrypts everything that Temporal stores (AES-256-GCM), as its remote codecs do: metadata name the cipher and the key, data are IV, ciphertext and tag.
 * Payloads that are not encrypted are left as they are when decoding, so histories from before open too.
 */
export class EncryptionCodec implements PayloadCodec {
  readonly #keys: PayloadKeys
  readonly #found = new Map<string, Promise<Buffer | null>>()
  readonly #unopened: Unopened

  /** `unopened` hears of each payload that does not open. */
  constructor(keys: PayloadKeys, unopened: Unopened = () => {}) {
    this.#keys = keys
    this.#unopened = unopened
  }

  async encode(payloads: Payload[]): Promise<Payload[]> {
    const { id, key } = this.#keys.current
    const Wire = await wire()
    return payloads.map((payload) => {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
      cipher.setAAD(Buffer.from(id))
      const data = Buffer.concat([iv, cipher.update(Wire.encode(payload).finish()), cipher.final(), cipher.getAuthTag()])
      return { metadata: { encoding: bytes(ENCODING), 'encryption-cipher': bytes(CIPHER), 'encryption-key-id': bytes(id) }, data }
    })
  }

  /** @throws IsthmusError VaultKey when one does not open; what the look-up of an older key threw. */
  async decode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]> {
    try {
      return await Promise.all(payloads.map((payload) => this.#decode(payload)))
    } catch (error) {
      if (error instanceof IsthmusError && error.type === 'VaultKey') this.#unopened(error, context?.workflowId)
      throw error
    }
  }

  async #decode(payload: Payload): Promise<Payload> {
    if (text(payload.metadata?.['encoding']) !== ENCODING) return payload
    const id = text(payload.metadata?.['encryption-key-id'])
    const key = await this.#key(id)
    const data = Buffer.from(payload.data ?? [])
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(id))
      decipher.setAuthTag(data.subarray(-TAG_BYTES))
      return (await wire()).decode(Buffer.concat([decipher.update(data.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]))
    } catch {
      throw new IsthmusError('VaultKey', 'a payload of Temporal does not open: it was changed, or encrypted for another project', { cure: 'use the DATABASE_URL that belongs to this Temporal namespace' })
    }
  }

  async #key(id: string): Promise<Buffer> {
    if (id === this.#keys.current.id) return this.#keys.current.key
    let found = this.#found.get(id)
    if (!found) {
      found = this.#keys.get(id)
      this.#found.set(id, found)
    }
    const key = await found.catch((error: unknown) => {
      this.#found.delete(id)
      throw error
    })
    if (key) return key
    this.#found.delete(id)
    throw new IsthmusError('VaultKey', 'a payload of Temporal was encrypted with a key that this database does not hold', { cure: 'use the DATABASE_URL that belongs to this Temporal namespace' })
  }
}
