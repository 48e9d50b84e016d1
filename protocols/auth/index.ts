/** Signing in: what puts credentials on requests and gets tokens. */
export { createAuthenticator } from './authenticator.ts'
export type { Authenticator, AuthDeps, Blame } from './types.ts'
export { cureOf } from './blame.ts'
export { isEncrypted } from './key.ts'
export { needsToken } from './renewed.ts'
export { pemText } from './secrets.ts'
