import type { Auth, Token, Value } from '../../model/index.ts'
import { IsthmusError } from '../../model/index.ts'
import { setQuery } from '../http/index.ts'
import type { HttpTarget, Redactor } from '../http/index.ts'
import { addSession, isAllCookies } from './cookies.ts'
import { signOAuth1 } from './oauth1.ts'
import { secretText } from './secrets.ts'

type Apply = (target: HttpTarget, token: Token | null) => void

/** What puts the credential on a request. Everything secret is registered with the redactor first. */
export function createApply(auth: Auth, resolve: (value: Value) => string, redactor: Redactor): Apply {
  const secret = (value: Value) => {
    const text = resolve(value)
    redactor.add(text)
    return text
  }
  switch (auth.kind) {
    case 'none':
      return () => {}
    case 'apiKey': {
      const value = auth.prefix + secret(auth.key)
      const name = auth.in === 'header' ? auth.name.toLowerCase() : auth.name
      if (auth.in === 'query') return ({ url }) => setQuery(url, name, [value])
      return ({ headers }) => void (headers[name] = value)
    }
    case 'bearer': {
      const value = `Bearer ${secret(auth.token)}`
      return ({ headers }) => void (headers['authorization'] = value)
    }
    case 'basic': {
      const value = basicHeader(resolve(auth.username), secret(auth.password), redactor)
      return ({ headers }) => void (headers['authorization'] = value)
    }
    case 'oauth1': {
      const deps = { resolve, http: { redactor } }
      const keys = { consumerKey: secretText(auth.consumerKey, deps), consumerSecret: secret(auth.consumerSecret), token: secretText(auth.token, deps), tokenSecret: secret(auth.tokenSecret) }
      const realm = resolve(auth.realm)
      return (target) => void (target.headers['authorization'] = signOAuth1(target, { ...keys, realm, signature: auth.signature }))
    }
    case 'session':
      return (target, token) => {
        const session = used(token, redactor)
        addSession(auth, session, redactor)
        const value = auth.prefix + session
        if (isAllCookies(auth)) target.headers['cookie'] = [target.headers['cookie'], session].filter(Boolean).join('; ')
        else if (auth.in === 'query') setQuery(target.url, auth.name, [value])
        else if (auth.in === 'header') target.headers[auth.name.toLowerCase()] = value
        else target.headers['cookie'] = [target.headers['cookie'], `${auth.name}=${value}`].filter(Boolean).join('; ')
      }
    case 'oauth2ClientCredentials':
    case 'oauth2RefreshToken':
    case 'oauth2AuthorizationCode':
    case 'oauth2DeviceCode':
    case 'jwtBearer':
    case 'signedJwt':
      return ({ headers }, token) => void (headers['authorization'] = `Bearer ${used(token, redactor)}`)
  }
}

function used(token: Token | null, redactor: Redactor): string {
  if (token === null) throw new IsthmusError('AuthFailed', 'a request was about to be sent without its token')
  redactor.add(token.accessToken)
  return token.accessToken
}

/** `Basic` credentials (RFC 7617), UTF-8. */
export function basicHeader(username: string, password: string, redactor: Redactor): string {
  const pair = Buffer.from(`${username}:${password}`, 'utf8').toString('base64')
  redactor.add(pair)
  return `Basic ${pair}`
}
