import { setTimeout as sleep } from 'node:timers/promises'
import type { Auth, Token } from '../../../model/index.ts'
import { IsthmusError } from '../../../model/index.ts'
import { bodyExcerpt } from '../../http/index.ts'
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

/** Asks for a code that a person enters elsewhere (RFC 8628 3.1). Throws AuthFailed or Contract. */
export async function beginDevice(auth: DeviceAuth, deps: AuthDeps, signal?: AbortSignal): Promise<DevicePrompt> {
  const { http, resolve } = deps
  const now = deps.now ?? Date.now
  const endpoint = tokenEndpoint(resolve(auth.deviceUrl), deps.baseUrl, 'from.auth.deviceUrl')
  const id = resolve(auth.clientId)
  const body = new URLSearchParams({ ...commonParams(auth, deps), ...(auth.scope !== '' && { scope: auth.scope }), ...(auth.audience !== '' && { audience: auth.audience }) })
  const headers = new Headers({ accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded', ...tokenHeaders(auth, deps) })
  // The first way is the one that was configured.
  await clientWays(auth, deps, id, endpoint)[0]!({ issuer: endpoint.origin }, { client_id: id }, body, headers)
  body.set('client_id', id)
  const answer = await http.request({ method: 'POST', url: endpoint, origins: [endpoint.origin], redirects: 0, headers: Object.fromEntries(headers), body: body.toString(), signal, maxBytes: 1024 * 1024 })
  const told = parse(answer.body)
  const { device_code: deviceCode, user_code: userCode, verification_uri, verification_url, verification_uri_complete: complete, expires_in: life, interval } = told
  const verificationUri = verification_uri ?? verification_url
  if (answer.status >= 300 || typeof deviceCode !== 'string' || typeof userCode !== 'string' || typeof verificationUri !== 'string' || deviceCode === '') {
    const refusedClient = answer.status === 401 || told['error'] === 'invalid_client' || told['error'] === 'unauthorized_client'
    throw new IsthmusError(refusedClient ? 'AuthFailed' : 'Contract', `${endpoint.host} gave no code for a device (HTTP ${answer.status}: ${bodyExcerpt(answer.body, http.redactor)})`, {
      status: answer.status, field: refusedClient ? 'from.auth.clientId' : 'from.auth.deviceUrl', cure: 'check the device URL, and that the client may use the device flow',
    })
  }
  http.redactor.add(deviceCode)
  const expiresAt = now() + (Number(life) > 0 ? Number(life) : 600) * 1000
  return {
    userCode, verificationUri, verificationUriComplete: typeof complete === 'string' ? complete : '', expiresAt: new Date(expiresAt),
    pending: { deviceCode, expiresAt, intervalMs: (Number(interval) > 0 ? Number(interval) : DEFAULT_INTERVAL_S) * 1000 },
  }
}

/** Waits until the person has entered the code, asking as often as the provider wants it (RFC 8628 3.4). Throws AuthFailed when they refuse or the code lapses. */
export async function pollDevice(auth: DeviceAuth, deps: AuthDeps, pending: PendingDevice, signal: AbortSignal): Promise<Omit<Token, 'version'>> {
  const now = deps.now ?? Date.now
  const endpoint = tokenEndpoint(deps.resolve(auth.tokenUrl), deps.baseUrl)
  const grant = { type: DEVICE_GRANT, refreshToken: null, params: { ...commonParams(auth, deps), device_code: pending.deviceCode } }
  for (let wait = pending.intervalMs; ; ) {
    if (now() + wait >= pending.expiresAt) throw refused('the code has lapsed before it was entered', deps)
    await sleep(wait, undefined, { signal })
    try {
      return await exchange(auth, deps, endpoint, grant, { verdict: 'unused' }, signal)
    } catch (error) {
      const code = codeOf(error)
      if (code === 'access_denied') throw refused('consent was refused', deps)
      if (code === 'expired_token') throw refused('the code has lapsed before it was entered', deps)
      const passing = error instanceof IsthmusError && (error.type === 'Transient' || error.type === 'Unreachable')
      if (code === 'slow_down' || (passing && code === '')) wait += SLOWER_MS
      else if (code !== 'authorization_pending') throw error
    }
  }
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
