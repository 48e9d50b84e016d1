import { signIn } from '../../activities/sign-in.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { Store, Token } from '../../model/ports.ts'
import { streamSchema, type Source } from '../../model/source.ts'
import { checkTenant, splitTenant } from '../../model/tenant.ts'
import type { StoredValues } from '../../model/value.ts'
import { resolver, type Environment } from '../../project/index.ts'
import type { AuthDeps } from '../../protocols/auth/index.ts'
import { openRest, probe, type RestReader } from '../../protocols/rest/index.ts'
import { askConsent, asksConsent, type Person } from './consent.ts'
import type { ConnectMethod, ConnectTarget } from './target.ts'

export interface ConnectRequest {
  target: ConnectTarget
  /** Name of the connection. */
  id: string
  method: { name: string; method: ConnectMethod }
  /** Checked against the schemas. */
  values: StoredValues
  environment: Environment
  /** Look whether it works before anything is stored. */
  check: boolean
  /** Whom to ask for consent, where the method needs a person. */
  person: Person
  signal: AbortSignal
}

export interface Connected {
  connection: string
  connector: string
  method: string
  /** null when nothing was called. */
  checked: { status: number; ms: number } | null
  /** Version of the token that was stored; null for methods without tokens. */
  token: { version: number; expiresAt: string | null } | null
}

const NO_TOKEN: Token = { version: 0, accessToken: '', expiresAt: null, refreshToken: null }

/**
 * Signs in as the method says, makes one cheap call, and stores the connection; what was stored under its name before is exchanged only
 * when all of that went well. Throws AuthFailed, PermissionDenied, Unreachable, InvalidInput ...; then nothing has changed.
 */
export async function connect(store: Store, request: ConnectRequest): Promise<Connected> {
  const opened = openConnect(request)
  try {
    const { auth } = opened.source
    const consented = asksConsent(auth) ? await askConsent(auth, opened.deps, request.person, request.signal) : null
    return await complete(store, request, opened, consented)
  } finally {
    await opened.reader.close()
  }
}

/** A connection that is being set up, ready to be signed in to. */
export interface OpenedConnect {
  source: Source
  reader: RestReader
  tokenKey: string
  deps: AuthDeps
}

export function openConnect({ target, id, method, values, environment }: Pick<ConnectRequest, 'target' | 'id' | 'method' | 'values' | 'environment'>): OpenedConnect {
  const source: Source = { ...target.source(id), auth: method.method.auth }
  const resolve = resolver(environment, values)
  const reader = openRest({ source, stream: target.check ?? streamSchema.parse({ name: 'check', path: '' }), resolve })
  const { http, baseUrl } = reader.connection
  return { source, reader, tokenKey: `${id}/${reader.fingerprint}`, deps: { resolve, http, baseUrl, connection: id } }
}

/** Checks what was got and stores it. `consented`: tokens a person has just agreed to; null when the method gets its own. */
export async function complete(store: Store, request: Omit<ConnectRequest, 'person' | 'environment'>, { reader, tokenKey }: OpenedConnect, consented: Omit<Token, 'version'> | null): Promise<Connected> {
  const { target, id, method, values, signal } = request
  const token = consented ? { ...consented, version: 1 } : await tokenOf(store, reader, tokenKey, id, signal)
  const checked = request.check && target.check ? await probe(reader, token.version > 0 ? token : null, signal) : null
  signal.throwIfAborted()
  await store.saveConnection({ id, connector: target.connector, method: method.name, ...values })
  const stored = consented ? await store.putToken(tokenKey, consented) : token
  await store.noteHealth(id, { state: 'ok', reason: '', ...(checked && { lastSuccessAt: new Date() }) })
  return { connection: id, connector: target.connector, method: method.name, checked, token: stored.version > 0 ? { version: stored.version, expiresAt: stored.expiresAt?.toISOString() ?? null } : null }
}

/** A token got without a person; methods that sign each request have none. */
async function tokenOf(store: Store, reader: RestReader, tokenKey: string, id: string, signal: AbortSignal): Promise<Token> {
  if (!reader.auth.needsToken) return NO_TOKEN
  return (await signIn(store, { tokenKey, reader, owned: null }, -1, { run: `connect ${id}`, stream: '' }, signal)).token
}

/** Names of connections become parts of keys and workflow ids. */
export function checkConnectionName(id: string): void {
  const { id: plain, tenant } = splitTenant(id)
  if (tenant !== null) checkTenant(tenant)
  if (/^[A-Za-z0-9][\w.-]{0,99}$/.test(plain)) return
  throw new IsthmusError('InvalidInput', `"${id.slice(0, 40)}" cannot be the name of a connection`, { field: '--as', cure: 'use at most 100 letters, digits, . _ and - (and @<tenant> at its end for the account of a tenant)' })
}
