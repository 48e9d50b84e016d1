import type { Auth, IsthmusError, Token, TokenVerdict, Value } from '../../model/index.ts'
import type { Http, HttpTarget } from '../http/index.ts'

export interface AuthDeps {
  /** Text of a value; reads the environment or the vault. Throws MissingEnvironment. */
  resolve(value: Value): string
  http: Http
  baseUrl: string
  /** Name of the connection, for messages; '' when it has none. */
  connection?: string
  now?: () => number
}

/** What a person corrects when the credentials are refused. */
export interface Blame {
  /** Field of the plan, for example `from.auth.clientSecret`. */
  field: string
  /** NAMES of the environment variables that hold the credentials, never their values. */
  variables: string[]
  /** NAMES of the credentials in the vault. */
  credentials: string[]
  /** Name of the connection; '' when it is not known. */
  connection: string
}

/** Credentials of one connection, ready to be put on requests. */
export interface Authenticator {
  readonly kind: Auth['kind']
  /** Requests need a token from `fetchToken`. */
  readonly needsToken: boolean
  readonly blame: Blame
  /** Query parameters that carry a credential; they never belong into a stored address. */
  readonly secretParams: readonly string[]
  /** Adds the credential to the header or query. Call it only after the target's origin was checked. */
  apply(target: HttpTarget, token: Token | null): void
  /**
   * Gets the token after `current` and changes nothing else; the caller stores it before anyone uses it.
   * Throws AuthFailed (credentials or consent refused), RateLimited, Contract, Unreachable (surely not sent),
   * Transient (for a rotating refresh token: the old one may be used up).
   */
  fetchToken(current: Token, signal?: AbortSignal): Promise<Omit<Token, 'version'>>
  /**
   * What `fetchToken` would present that may work only once: the refresh token, with the endpoint and client it belongs to. It is
   * a secret. null when it presents nothing that can be used up.
   */
  presents(current: Token): string | null
  /** What became of the presented refresh token when `fetchToken` threw this. */
  verdict(error: unknown): TokenVerdict
  /** The AuthFailed that asks a person to sign in again, naming the variable to replace. */
  reconnect(reason: string): IsthmusError
}
