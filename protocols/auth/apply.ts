import type { Auth, Token, Value } from '../../model/index.ts'
import { IsthmusError } from '../../model/index.ts'
import { setQuery } from '../http/index.ts'
import type { HttpTarget, Redactor } from '../http/index.ts'

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
      const pair = Buffer.from(`${resolve(auth.username)}:${secret(auth.password)}`, 'utf8').toString('base64')
      redactor.add(pair)
      return ({ headers }) => void (headers['authorization'] = `Basic ${pair}`)
    }
    case 'oauth2ClientCredentials':
    case 'oauth2RefreshToken':
    case 'oauth2AuthorizationCode':
    case 'oauth2DeviceCode':
    case 'jwtBearer':
    case 'signedJwt':
      return ({ headers }, token) => {
        if (token === null) throw new IsthmusError('AuthFailed', 'a request was about to be sent without its token')
        redactor.add(token.accessToken)
        headers['authorization'] = `Bearer ${token.accessToken}`
      }
    case 'oauth1':
    case 'session':
      throw new IsthmusError('InvalidInput', `sign-in of kind ${auth.kind} is not there yet`, { field: 'from.auth' })
  }
}
