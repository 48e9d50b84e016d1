import type { Auth } from '../../model/index.ts'

/** Kinds that sign in with tokens which have to be got first, and run out. */
export function needsToken(auth: Pick<Auth, 'kind'>): boolean {
  return auth.kind === 'signedJwt' || auth.kind === 'session' || 'tokenUrl' in auth
}

/** Kinds whose tokens are renewed by a refresh token, which may work only once. */
export function isRenewed(auth: Pick<Auth, 'kind'>): boolean {
  return auth.kind === 'oauth2RefreshToken' || auth.kind === 'oauth2AuthorizationCode' || auth.kind === 'oauth2DeviceCode'
}
