import type { IncomingMessage } from 'node:http'
import type { SimulatorConfig } from '../options.ts'
import type { JwtCheck } from './jwt.ts'

/** `client`: it has shown who it is. `open`: it only named itself. `none`: it said nothing. `wrong`: it is not the one. */
export type ClientAuth = 'client' | 'open' | 'none' | 'wrong'

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Who asks at the token endpoint: Basic, the form, or a signed assertion (private_key_jwt, client_secret_jwt). */
export async function clientAuth(req: IncomingMessage, form: URLSearchParams, config: SimulatorConfig, jwt: JwtCheck, audience: string[]): Promise<ClientAuth> {
  const { clientId, clientSecret } = config.credentials
  const header = req.headers.authorization
  if (header !== undefined) {
    const pair = basicPair(header)
    return pair && decode(pair[0]) === clientId && decode(pair[1]) === clientSecret ? 'client' : 'wrong'
  }
  const assertion = form.get('client_assertion')
  if (assertion !== null) {
    const claims = form.get('client_assertion_type') === ASSERTION ? await jwt.claims(assertion, audience) : null
    return claims && claims.iss === clientId && claims.sub === clientId ? 'client' : 'wrong'
  }
  const id = form.get('client_id')
  if (id === null) return 'none'
  if (id !== clientId) return 'wrong'
  const secret = form.get('client_secret')
  return secret === null ? 'open' : secret === clientSecret ? 'client' : 'wrong'
}

/** User and password of an Authorization header, or null. */
export function basicPair(header: string): [string, string] | null {
  const m = /^basic\s+([A-Za-z0-9+/=_-]+)\s*$/i.exec(header)
  const text = m ? Buffer.from(m[1]!, 'base64').toString('utf8') : ''
  const colon = text.indexOf(':')
  return colon < 0 ? null : [text.slice(0, colon), text.slice(colon + 1)]
}

/** RFC 6749 2.3.1 encodes both parts as a form does. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '))
  } catch {
    return text
  }
}
