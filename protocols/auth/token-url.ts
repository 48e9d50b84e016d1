import { IsthmusError } from '../../model/index.ts'
import { isLoopback, joinUrl } from '../http/index.ts'

/** The token endpoint's address: absolute, or joined to the base URL. Plain http is refused where the base is https, except on this machine. */
export function tokenEndpoint(tokenUrl: string, baseUrl: string, field = 'from.auth.tokenUrl'): URL {
  const what = field.endsWith('tokenUrl') ? 'token URL' : `\`${field.split('.').at(-1)}\``
  let url: URL
  try {
    url = joinUrl(baseUrl, tokenUrl)
  } catch {
    throw new IsthmusError('InvalidInput', `the ${what} is not an address`, { field, cure: 'write https://host/path, or a path below the base URL' })
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new IsthmusError('InvalidInput', `the ${what} is no web address`, { field, cure: 'write https://host/path, or a path below the base URL' })
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && new URL(baseUrl).protocol === 'https:') {
    throw new IsthmusError('InvalidInput', `the ${what} is plain http while the base URL is https`, { field, cure: 'use its https address' })
  }
  url.hash = ''
  return url
}
