import { createHash, randomBytes } from 'node:crypto'
import type { SimulatorConfig } from '../options.ts'
import type { Recorder } from '../stats.ts'

/** Everything that came from one sign-in: revoked together. */
interface Family {
  revoked: boolean
  /** The client has no secret: its name is enough to refresh. */
  open: boolean
}

/** The answer of the token endpoint (RFC 6749 5.1). */
export interface TokenAnswer {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  refresh_token?: string
}

const LARGEST = 100_000
const CODE_MS = 60_000

/** Access tokens, refresh tokens and authorization codes; the oldest go when there are more than 100,000 of a kind. */
export class Tokens {
  readonly #config: SimulatorConfig
  readonly #recorder: Recorder
  readonly #access = new Map<string, { family: Family; expires: number; uses: number }>()
  readonly #refresh = new Map<string, { family: Family; presented: boolean }>()
  readonly #codes = new Map<string, { redirect: string; challenge: string; expires: number }>()

  constructor(config: SimulatorConfig, recorder: Recorder) {
    this.#config = config
    this.#recorder = recorder
    this.#refresh.set(config.credentials.refreshToken, { family: { revoked: false, open: false }, presented: false })
  }

  /** A new access token, with a refresh token if asked for. */
  issue(refresh: boolean, family: Family = { revoked: false, open: false }): TokenAnswer {
    const access = `sim_at_${randomBytes(24).toString('base64url')}`
    put(this.#access, access, { family, expires: performance.now() + this.#config.tokenTtl * 1000, uses: 0 })
    this.#recorder.token(refresh)
    const answer: TokenAnswer = { access_token: access, token_type: 'Bearer', expires_in: this.#config.tokenTtl }
    if (!refresh) return answer
    const next = `sim_rt_${randomBytes(24).toString('base64url')}`
    put(this.#refresh, next, { family, presented: false })
    return { ...answer, refresh_token: next }
  }

  /** Counts one use of an access token; says why it is no good, or null. */
  use(token: string): string | null {
    const found = this.#access.get(token)
    if (!found) return 'the token is unknown'
    const limit = this.#config.expireTokenAfterRequests
    if (found.family.revoked) return 'the token was revoked'
    if (performance.now() >= found.expires) return 'the token has expired'
    if (limit > 0 && found.uses >= limit) return 'the token has expired'
    found.uses++
    return null
  }

  /** Whether a refresh token belongs to a client without a secret. */
  isOpen(token: string): boolean {
    return this.#refresh.get(token)?.family.open === true
  }

  /** Trades a refresh token; null when it is no good. Presenting a single-use token twice counts, whatever the first answer was, and revokes its family. */
  refresh(token: string): TokenAnswer | null {
    const found = this.#refresh.get(token)
    if (!found) return null
    if (found.presented) {
      this.#recorder.refreshUsedTwice()
      found.family.revoked = true
    }
    if (this.#config.refreshRotation) found.presented = true
    if (found.family.revoked) return null
    return this.issue(this.#config.refreshRotation, found.family)
  }

  /** A single-use authorization code that lives a minute. */
  code(redirect: string, challenge: string): string {
    const code = randomBytes(18).toString('base64url')
    put(this.#codes, code, { redirect, challenge, expires: performance.now() + CODE_MS })
    return code
  }

  /** Trades a code (PKCE S256); null when it is no good. */
  redeem(code: string, redirect: string, verifier: string, open: boolean): TokenAnswer | null {
    const found = this.#codes.get(code)
    this.#codes.delete(code)
    if (!found || performance.now() >= found.expires || found.redirect !== redirect) return null
    if (createHash('sha256').update(verifier).digest('base64url') !== found.challenge) return null
    return this.issue(true, { revoked: false, open })
  }

  /** RFC 7009: an access token alone, or a refresh token with its whole family. */
  revoke(token: string): void {
    this.#access.delete(token)
    const refresh = this.#refresh.get(token)
    if (refresh) refresh.family.revoked = true
  }
}

function put<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= LARGEST) map.delete(map.keys().next().value as string)
  map.set(key, value)
}
