import { EC_PRIVATE_KEY, EC_PUBLIC_KEY, RSA_PRIVATE_KEY, RSA_PUBLIC_KEY } from './oauth/keys.ts'

/** What the simulator lets in unless it is told otherwise. All of it is public; it guards made-up data on loopback. */
export const SIMULATOR_CREDENTIALS = {
  /** Auth mode `api-key`: header `X-API-Key` or query `api_key`. */
  apiKey: 'sim-api-key',
  /** Auth mode `basic`. */
  username: 'sim-user',
  password: 'sim-password',
  /** Auth mode `bearer`: a token that never expires. */
  bearerToken: 'sim-bearer-token',
  /** Auth mode `oauth`: the client at `/oauth/token`, by Basic or in the form. */
  clientId: 'sim-client',
  clientSecret: 'sim-client-secret',
  /** A refresh token that exists from the start; with rotation it works once. */
  refreshToken: 'sim-refresh-token',
  /** HS256 secret for signed JWTs and assertions. */
  jwtSecret: 'sim-jwt-secret-of-at-least-32-bytes',
  /** ES256 key pair, PKCS#8 and SPKI PEM. */
  ecPrivateKey: EC_PRIVATE_KEY,
  ecPublicKey: EC_PUBLIC_KEY,
  /** RS256 / PS256 key pair, PKCS#8 and SPKI PEM. */
  rsaPrivateKey: RSA_PRIVATE_KEY,
  rsaPublicKey: RSA_PUBLIC_KEY,
} as const
