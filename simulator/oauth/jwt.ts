import { decodeProtectedHeader, importSPKI, jwtVerify } from 'jose'
import type { JWTPayload } from 'jose'
import type { SimulatorConfig } from '../options.ts'

type Key = Awaited<ReturnType<typeof importSPKI>>

/** Checks signed JWTs against the configured secret and public keys. */
export class JwtCheck {
  readonly #keys: SimulatorConfig['credentials']
  readonly #imported = new Map<string, Promise<Key>>()

  constructor(keys: SimulatorConfig['credentials']) {
    this.#keys = keys
  }

  /**
   * The claims of a token whose signature and times are right, else null. `exp` must be there.
   * @param audience one of these must be in `aud`; not checked when left out
   */
  async claims(token: string, audience?: string[]): Promise<JWTPayload | null> {
    try {
      const key = await this.#key(decodeProtectedHeader(token).alg ?? '')
      const { payload } = await jwtVerify(token, key, { requiredClaims: ['exp'], algorithms: ['HS256', 'ES256', 'RS256', 'PS256'], ...(audience ? { audience } : {}) })
      return payload
    } catch {
      return null
    }
  }

  #key(algorithm: string): Promise<Key> | Uint8Array {
    if (algorithm === 'HS256') return new TextEncoder().encode(this.#keys.jwtSecret)
    const known = this.#imported.get(algorithm)
    if (known) return known
    const key = importSPKI(algorithm === 'ES256' ? this.#keys.ecPublicKey : this.#keys.rsaPublicKey, algorithm)
    if (['ES256', 'RS256', 'PS256'].includes(algorithm)) this.#imported.set(algorithm, key)
    return key
  }
}
