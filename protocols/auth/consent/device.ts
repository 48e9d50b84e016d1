import { setTimeout as sleep } from 'node:timers/promises'
import type { Auth, Token } from '../../../model/index.ts'
import { IsthmusError } from '../../../model/index.ts'
import { bodyExcerpt, classify } from '../../http/index.ts'
import { clientWays } from '../client-ways.ts'
import { commonParams, signInCure } from '../grant.ts'
import { codeOf } from '../token-error.ts'
import { exchange, tokenHeaders } from '../token-request.ts'
import { tokenEndpoint } from '../token-url.ts'
import type { AuthDeps } from '../types.ts'

export type DeviceAuth = Extract<Auth, { kind: 'oauth2DeviceCode' }>

/** What has to be kept while a person enters the code; a secret. Plain JSON, times in epoch ms. */
export interface PendingDevice {
  deviceCode: string
  intervalMs: number
  expiresAt: number
}

export interface DevicePrompt {
  /** What the person enters. */
  userCode: string
  /** Where. */
  verificationUri: string
  /** The same with the code in it; '' when the provider has none. */
  verificationUriComplete: string
  expiresAt: Date
  pending: PendingDevice
}

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
/** RFC 8628 section 3.2 and 3.5. */
const DEFAULT_INTERVAL_S = 5
const SLOWER_MS = 5_000
const DEFAULT_LIFE_S = 600
/** What a provider may say at most: no code lives longer than a day, and nobody waits an hour between two looks. */
const MAX_LIFE_S = 86_400
const MAX_INTERVAL_S = 3_600

/** Asks for a code that a person enters elsewhere (RFC 8628 3.1). Throws AuthFailed or Contract. */
export async function beginDevice(auth: DeviceAuth, deps: AuthDeps, signal?: AbortSignal): Promise<DevicePrompt> {
  const { http, resolve } = deps
  const now = deps.now ?? Date.now
  const endpoint = tokenEndpoint(resolve(auth.deviceUrl), deps.baseUrl, 'from.auth.deviceUrl')
  const id = resolve(auth.clientId)
  const body = new URLSearchParams({ ...commonParams(auth, deps), ...(auth.scope !== '' && { scope: auth.scope }), ...(auth.audience !== '' && { audience: auth.audience }) })
  const headers = new Headers({ accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded', ...tokenHeaders(auth, deps) })
  // The first way is the one that was configured. An assertion is for the token endpoint here too: servers that take the name of this one besides are fewer.
  await clientWays(auth, deps, id, tokenEndpoint(resolve(auth.tokenUrl), deps.baseUrl))[0]!({ issuer: endpoint.origin }, { client_id: id }, body, headers)
  body.set('client_id', id)
  const answer = await http.request({ method: 'POST', url: endpoint, origins: [endpoint.origin], redirects: 0, headers: Object.fromEntries(headers), body: body.toString(), signal, maxBytes: 1024 * 1024 })
  const told = parse(answer.body)
  const { device_code: deviceCode, user_code: userCode, verification_uri, verification_url, verification_uri_complete, expires_in: life, interval } = told
  const verificationUri = webAddress(verification_uri ?? verification_url)
  if (answer.status >= 300 || typeof deviceCode !== 'string' || !isPrintable(userCode) || verificationUri === '' || deviceCode === '') {
    const verdict = classify(answer, { nowMs: now(), redactor: http.redactor, expects: null })
    if (verdict.kind === 'throttled') throw new IsthmusError('RateLimited', `${endpoint.host} asks to wait (${verdict.reason})`, { status: answer.status, until: new Date(verdict.untilMs ?? now() + 30_000), field: 'from.auth' })
    if (verdict.kind === 'transient') throw new IsthmusError('Transient', `${endpoint.host} answered ${verdict.reason}`, { status: answer.status, field: 'from.auth.deviceUrl' })
    const refusedClient = answer.status === 401 || told['error'] === 'invalid_client' || told['error'] === 'unauthorized_client'
    throw new IsthmusError(refusedClient ? 'AuthFailed' : 'Contract', `${endpoint.host} gave no code for a device (HTTP ${answer.status}: ${bodyExcerpt(answer.body, http.redactor)})`, {
      status: answer.status, field: refusedClient ? 'from.auth.clientId' : 'from.auth.deviceUrl', cure: 'check the device URL, and that the client may use the device flow',
    })
  }
  http.redactor.add(deviceCode)
  const expiresAt = now() + seconds(life, DEFAULT_LIFE_S, MAX_LIFE_S) * 1000
  return {
    userCode, verificationUri, verificationUriComplete: webAddress(verification_uri_complete), expiresAt: new Date(expiresAt),
    pending: { deviceCode, expiresAt, intervalMs: seconds(interval, DEFAULT_INTERVAL_S, MAX_INTERVAL_S) * 1000 },
  }
}

/** Waits until the person has entered the code, asking as often as the provider wants it (RFC 8628 3.4). Throws AuthFailed when they refuse or the code lapses. */
export async function pollDevice(auth: DeviceAuth, deps: AuthDeps, pending: PendingDevice, signal: AbortSignal): Promise<Omit<Token, 'version'>> {
  const now = deps.now ?? Date.now
  const endpoint = tokenEndpoint(deps.resolve(auth.tokenUrl), deps.baseUrl)
  // Another process may have begun it.
  deps.http.redactor.add(pending.deviceCode)
  const grant = { type: DEVICE_GRANT, refreshToken: null, params: { ...commonParams(auth, deps), device_code: pending.deviceCode } }
  for (let wait = pending.intervalMs; ; ) {
    if (now() + wait >= pending.expiresAt) throw refused('the code has lapsed before it was entered', deps)
    await sleep(wait, undefined, { signal })
    try {
      return await exchange(auth, deps, endpoint, grant, { verdict: 'unused' }, signal)
    } catch (error) {
      const code = codeOf(error)
      // The second is Microsoft's.
      if (code === 'access_denied' || code === 'authorization_declined') throw refused('consent was refused', deps)
      // Some tell it once and then do not know the code any more.
      if (code === 'expired_token' || code === 'invalid_grant') throw refused('the code has lapsed before it was entered', deps)
      if (code === 'authorization_pending') continue
      // `slow_down` among them, and a server that is not there for a while.
      if (!(error instanceof IsthmusError) || !['Transient', 'Unreachable', 'RateLimited'].includes(error.type)) throw error
      wait = Math.max(wait + SLOWER_MS, (error.until?.getTime() ?? 0) - now())
    }
  }
}

/** A number of seconds a server told, at least one and at most `max`; what makes no sense is the default. */
function seconds(told: unknown, otherwise: number, max: number): number {
  const value = Number(told)
  return value > 0 ? Math.min(Math.max(value, 1), max) : otherwise
}

/** An address that a browser may open; '' for anything else. */
function webAddress(told: unknown): string {
  return typeof told === 'string' && /^https?:\/\//i.test(told) && URL.canParse(told) ? new URL(told).href : ''
}

/** It is shown in a terminal. */
function isPrintable(told: unknown): told is string {
  return typeof told === 'string' && /^[^\p{C}]{1,100}$/u.test(told)
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function refused(message: string, deps: AuthDeps): IsthmusError {
  return new IsthmusError('AuthFailed', message, { field: 'from.auth', cure: signInCure(deps.connection ?? '') })
}
