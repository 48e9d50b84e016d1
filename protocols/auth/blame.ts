import { referenceOf } from '../../model/index.ts'
import type { Auth } from '../../model/index.ts'
import type { Blame } from './types.ts'

const FIELDS: Record<Auth['kind'], string[]> = {
  none: [],
  apiKey: ['key'],
  bearer: ['token'],
  basic: ['password', 'username'],
  oauth2ClientCredentials: ['clientSecret', 'clientId'],
  oauth2RefreshToken: ['clientSecret', 'clientId'],
  oauth2AuthorizationCode: ['clientSecret', 'clientId'],
  oauth2DeviceCode: ['clientSecret', 'clientId'],
  oauth1: ['tokenSecret', 'token', 'consumerSecret', 'consumerKey'],
  session: ['body'],
  signedJwt: ['key'],
  jwtBearer: ['key', 'clientId', 'subject'],
}

/** Field and environment variables (names only) to correct. `fields` narrows it to what the server complained about. */
export function blameOf(auth: Auth, fields: string[] = FIELDS[auth.kind]): Blame {
  const values = auth as unknown as Record<string, unknown>
  const variables = fields.map((f) => referenceOf(values[f])).flatMap((ref) => (ref && 'env' in ref ? [ref.env] : []))
  const given = fields.find((f) => values[f] !== null && values[f] !== undefined)
  return { field: given === undefined ? 'from.auth' : `from.auth.${given}`, variables }
}

/** The cure as one imperative sentence, with the names of the variables. */
export function cureOf(blame: Blame, what = 'correct the value of'): string {
  if (blame.variables.length === 0) return `correct \`${blame.field}\``
  const [first, ...others] = blame.variables
  return `${what} the environment variable ${first}${others.length > 0 ? ` (and check ${others.join(' and ')})` : ''}`
}
