import { referenceOf } from '../../model/index.ts'
import type { Auth } from '../../model/index.ts'
import type { Blame } from './types.ts'

const FIELDS: Record<Auth['kind'], string[]> = {
  none: [],
  apiKey: ['key'],
  bearer: ['token'],
  basic: ['password', 'username'],
  oauth2ClientCredentials: ['clientSecret', 'clientAssertion.key', 'clientId'],
  oauth2RefreshToken: ['clientSecret', 'clientAssertion.key', 'clientId'],
  oauth2AuthorizationCode: ['clientSecret', 'clientAssertion.key', 'clientId'],
  oauth2DeviceCode: ['clientSecret', 'clientAssertion.key', 'clientId'],
  oauth1: ['tokenSecret', 'token', 'consumerSecret', 'consumerKey'],
  session: ['basic.password', 'body', 'loginHeaders'],
  signedJwt: ['key'],
  jwtBearer: ['key', 'clientId', 'subject'],
}

/** What to correct: field, environment variables and credentials (names only). `fields` narrows it to what the server complained about. */
export function blameOf(auth: Auth, connection: string, fields: string[] = FIELDS[auth.kind]): Blame {
  const at = (field: string): unknown => field.split('.').reduce<unknown>((part, key) => (part as Record<string, unknown> | null | undefined)?.[key], auth)
  const referencesAt = (field: string) => {
    const value = at(field)
    const own = referenceOf(value)
    // The fields of a login's body, each of which may be a reference.
    const all = own ? [own] : Object.values(value !== null && typeof value === 'object' ? value : {}).flatMap((v) => referenceOf(v) ?? [])
    return all.filter((r) => 'env' in r || 'credential' in r)
  }
  const references = fields.flatMap(referencesAt)
  const given = fields.find((f) => referencesAt(f).length > 0) ?? fields.find((f) => at(f) !== null && at(f) !== undefined)
  return {
    field: given === undefined ? 'from.auth' : `from.auth.${given}`,
    variables: references.flatMap((r) => ('env' in r ? [r.env] : [])),
    credentials: references.flatMap((r) => ('credential' in r ? [r.credential] : [])),
    connection,
  }
}

/** The cure as one imperative sentence, with the names of the variables or credentials. */
export function cureOf(blame: Blame, what = 'correct the value of'): string {
  const { field, variables, credentials, connection } = blame
  if (variables.length > 0) {
    const [first, ...others] = variables
    return `${what} the environment variable ${first}${others.length > 0 ? ` (and check ${others.join(' and ')})` : ''}`
  }
  if (credentials.length > 0) return `give new ${credentials.join(' and ')} with \`isthmus connections rotate${connection === '' ? '' : ` ${connection}`}\``
  return `correct \`${field}\``
}
