import type { Auth } from '../../model/auth.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { Token } from '../../model/ports.ts'
import type { AuthDeps } from '../../protocols/auth/index.ts'
import { beginAuthorization, beginDevice, finishAuthorization, pollDevice, receiveRedirect } from '../../protocols/auth/consent/index.ts'

type Asking = Extract<Auth, { kind: 'oauth2AuthorizationCode' | 'oauth2DeviceCode' }>

/** How a person is asked to consent. */
export interface Person {
  /** Shows an address to open in a browser. */
  visit(url: string): void
  /** Shows a code and where to enter it. */
  enter(code: string, url: string, expiresAt: Date): void
}

/** How long a person may take. */
const CONSENT_MS = 10 * 60_000

/** The method needs a person. */
export function asksConsent(auth: Auth): auth is Asking {
  return auth.kind === 'oauth2AuthorizationCode' || auth.kind === 'oauth2DeviceCode'
}

/** Asks a person to consent at the provider, and gives the tokens that came of it. Throws AuthFailed when they refuse or take longer than ten minutes. */
export async function askConsent(auth: Asking, deps: AuthDeps, person: Person, signal: AbortSignal): Promise<Omit<Token, 'version'>> {
  if (auth.kind === 'oauth2DeviceCode') {
    const device = await beginDevice(auth, deps, signal)
    person.enter(device.userCode, device.verificationUriComplete || device.verificationUri, device.expiresAt)
    return pollDevice(auth, deps, device.pending, signal)
  }
  const receiver = await receiveRedirect({ ...placeOf(auth.redirectUri), timeoutMs: CONSENT_MS, signal })
  try {
    const { url, pending } = await beginAuthorization(auth, deps, { redirectUri: auth.redirectUri || receiver.redirectUri })
    person.visit(url)
    return await finishAuthorization(auth, deps, pending, await receiver.callback, signal)
  } finally {
    await receiver.close()
  }
}

/** Port and path to listen at: a registered redirect address of this machine, or any free port. */
function placeOf(redirectUri: string): { port?: number; path: string } {
  if (redirectUri === '') return { path: '/callback' }
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : null
  if (url?.protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(url.hostname) && url.port !== '') return { port: Number(url.port), path: url.pathname }
  throw new IsthmusError('InvalidInput', 'the redirect address does not lead to this machine', { field: 'auth.redirectUri', cure: 'register http://127.0.0.1:PORT/callback with the provider for use from the command line' })
}
