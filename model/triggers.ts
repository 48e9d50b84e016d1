/** Idempotent triggers and keys of the HTTP API, as the store keeps them. Types only. */

/** What an idempotency key is presented for. */
export interface TriggerClaim {
  /** Id of the sync, with its tenant. */
  sync: string
  /** Fingerprint of the key. */
  key: string
  /** Fingerprint of what is asked for: the same key for something else is an error. */
  request: string
  /** The run that this caller would start. */
  run: string
  /** Names this call. */
  owner: string
}

/**
 * What came of a claim. `started`: this run, now or by an earlier call. `busy`: another caller is starting it. `mine`: this caller starts `run`;
 * `again`: an earlier one has begun to, and died. `other`: the key was used for something else.
 */
export type TriggerState = { kind: 'started'; run: string } | { kind: 'busy' } | { kind: 'mine'; run: string; again: boolean } | { kind: 'other' }

export interface TriggerStore {
  /** Keys are kept for 24 hours; a lease lasts 20 s. */
  claimTrigger(claim: TriggerClaim): Promise<TriggerState>
  /** Prolongs the lease. */
  keepTrigger(claim: TriggerClaim): Promise<void>
  /** The claim has led to this run. */
  settleTrigger(claim: TriggerClaim, run: string): Promise<void>
  /** Nothing was started: the key is free again. */
  dropTrigger(claim: TriggerClaim): Promise<void>
}

/** A key of the HTTP API; what proves it is known to its holder only. */
export interface ApiKey {
  /** Public part of the key. */
  id: string
  name: string
  scopes: string[]
  createdAt: Date
  /** null = never. */
  expiresAt: Date | null
  /** To about a minute; null when it never was. */
  lastUsedAt: Date | null
  revokedAt: Date | null
}

export interface ApiKeyStore {
  /** `hash`: SHA-256 of the secret part. */
  createApiKey(key: Pick<ApiKey, 'id' | 'name' | 'scopes' | 'expiresAt'> & { hash: Buffer }): Promise<ApiKey>
  /** Newest first, revoked ones too. */
  listApiKeys(): Promise<ApiKey[]>
  /** A key that is valid now, with its hash; null when there is none. */
  findApiKey(id: string): Promise<(ApiKey & { hash: Buffer }) | null>
  /** Notes that it was used, at most once a minute. */
  noteApiKey(id: string): Promise<void>
  /** False when there is no such key, or it was revoked before. */
  revokeApiKey(id: string): Promise<boolean>
}
