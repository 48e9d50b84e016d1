import { IsthmusError } from '../../model/index.ts'
import type { Token } from '../../model/index.ts'
import { classify } from '../http/index.ts'
import { createRequests } from './requests.ts'
import type { RestReader } from './types.ts'

/**
 * Sends the request for a stream's first page once and gives its status; the body is not looked at.
 * Throws AuthFailed, PermissionDenied, RateLimited (with `until`), Contract, Transient or Unreachable.
 */
export async function probe(reader: RestReader, token: Token | null, signal: AbortSignal): Promise<{ status: number; ms: number }> {
  const { connection, source } = reader
  const build = createRequests(reader, { since: null, vars: {} })
  const request = await build.prepare(null, token)
  const { method, url } = request
  connection.http.allow(url)
  const began = performance.now()
  const response = await connection.http.request({
    ...request, signal,
    sign: (target) => {
      build.sign(target)
      connection.authenticator.apply(target, token)
    },
  })
  const { status } = response
  const verdict = classify(response, { nowMs: Date.now(), redactor: connection.http.redactor, expects: null })
  const name = `${method} ${connection.http.redactor.url(url)}`
  switch (verdict.kind) {
    case 'ok':
    case 'empty':
      return { status, ms: Math.round(performance.now() - began) }
    case 'authRequired':
      throw new IsthmusError('AuthFailed', `${name}: ${verdict.reason}`, { status, field: source.auth.kind === 'none' ? 'from.auth' : connection.authenticator.blame.field, cure: 'correct the credentials' })
    case 'permission':
      throw new IsthmusError('PermissionDenied', `${name}: ${verdict.reason}`, { status, cure: 'grant the account the permission to read this' })
    case 'throttled': {
      const until = new Date(verdict.untilMs ?? Date.now() + 60_000)
      throw new IsthmusError('RateLimited', `${name}: ${verdict.reason}`, { status, until, cure: `try again after ${until.toISOString()}` })
    }
    case 'transient':
      throw new IsthmusError(verdict.last, `${name}: ${verdict.reason}`, { status, cure: 'try again in a while' })
    case 'refused':
    case 'positionLost':
      throw new IsthmusError('Contract', `${name}: ${verdict.reason}`, { status, cure: 'check the address and the settings of the connection' })
  }
}
