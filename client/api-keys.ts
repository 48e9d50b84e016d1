import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { IsthmusError } from '../model/errors.ts'
import type { ApiKey, ApiKeyStore } from '../model/triggers.ts'
import { MASK, redactor } from '../model/redact/index.ts'
import { useOneOf } from '../project/index.ts'

/** What a key of the HTTP API may do. `write` includes `read` of the same things, `admin` everything. */
export const SCOPES = ['syncs:read', 'runs:read', 'runs:write', 'rejects:read', 'rejects:write', 'connections:read', 'connections:write', 'schedules:read', 'schedules:write', 'admin'] as const
export type Scope = (typeof SCOPES)[number]

/** A caller of the HTTP API that has proved itself. */
export interface Caller {
  /** Id of its key; `TOKEN_CALLER` for the one in the environment. */
  id: string
  scopes: readonly string[]
}

export interface NewApiKey extends ApiKey {
  /** The key itself: shown once, and stored nowhere. */
  key: string
}

/** Id of the caller that has the token of the environment. */
export const TOKEN_CALLER = 'token'
const KEY = /^isk_([0-9a-z]{12})_([\w-]{43})$/
const MOST_NAME = 100

/** Keys of the HTTP API: 256 random bits each, of which only the SHA-256 is stored. */
export class ApiKeys {
  readonly #store: () => Promise<ApiKeyStore>

  constructor(store: () => Promise<ApiKeyStore>) {
    this.#store = store
  }

  /** Makes a key. `expiresAt`: null = never. Throws InvalidInput for an unknown scope or a time that is over. */
  async create({ name, scopes, expiresAt = null }: { name: string; scopes: string[]; expiresAt?: Date | null }): Promise<NewApiKey> {
    if (name.trim() === '' || name.length > MOST_NAME) throw new IsthmusError('InvalidInput', `a key needs a name of 1 to ${MOST_NAME} characters`, { field: 'name', cure: 'say who will use it' })
    const unknown = scopes.find((s) => !(SCOPES as readonly string[]).includes(s))
    if (unknown !== undefined || scopes.length === 0) throw new IsthmusError('InvalidInput', unknown === undefined ? 'a key needs a scope' : `there is no scope "${unknown.slice(0, 40)}"`, { field: 'scopes', cure: useOneOf(unknown ?? '', SCOPES) })
    if (expiresAt && !(expiresAt.getTime() > Date.now())) throw new IsthmusError('InvalidInput', 'the key would be over already', { field: 'expiresAt', cure: 'name a time to come' })
    const id = BigInt(`0x${randomBytes(10).toString('hex')}`).toString(36).padStart(12, '0').slice(-12)
    const secret = randomBytes(32)
    const key = `isk_${id}_${secret.toString('base64url')}`
    redactor.add(key)
    const made = await (await this.#store()).createApiKey({ id, name: name.trim(), scopes: [...new Set(scopes)], expiresAt, hash: hashOf(secret.toString('base64url')) })
    return { ...made, key }
  }

  /** Newest first, revoked ones too; never what proves one. */
  async list(): Promise<ApiKey[]> {
    return (await this.#store()).listApiKeys()
  }

  /** Ends a key, by its id (the part after `isk_`). Throws NotFound. */
  async revoke(id: string): Promise<void> {
    if (!(await (await this.#store()).revokeApiKey(KEY.exec(id)?.[1] ?? id.replace(/^isk_/, '')))) throw new IsthmusError('NotFound', 'there is no such key, or it was revoked before', { field: 'id', cure: '`isthmus keys list` shows them' })
  }

  /** Who holds the key; null when it is none, or is over. */
  async caller(given: string): Promise<Caller | null> {
    const [, id, secret] = KEY.exec(given) ?? []
    if (id === undefined || secret === undefined) return null
    redactor.add(given)
    const store = await this.#store()
    const known = await store.findApiKey(id)
    if (!known || !timingSafeEqual(hashOf(secret), known.hash)) return null
    await store.noteApiKey(id)
    return { id, scopes: known.scopes }
  }

  /** Whether a caller's key is neither revoked nor over since it proved itself. */
  async still({ id }: Caller): Promise<boolean> {
    return id === TOKEN_CALLER || (await (await this.#store()).findApiKey(id)) !== null
  }
}

const IN_TEXT = /isk(?:_|%5f)[0-9a-z]{12}(?:_|%5f)[\w-]{43}/gi

/** A text that has a key in it. */
export function holdsKey(text: string): boolean {
  return text.search(IN_TEXT) >= 0
}

/** A text with its keys masked. */
export function withoutKeys(text: string): string {
  return text.replace(IN_TEXT, MASK)
}

/** The caller may do what needs this scope. */
export function allows({ scopes }: Caller, scope: Scope): boolean {
  return scopes.includes('admin') || scopes.includes(scope) || (scope.endsWith(':read') && scopes.includes(scope.replace(/:read$/, ':write')))
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
