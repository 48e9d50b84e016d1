import pg from 'pg'
import { IsthmusError, type ErrorType } from '../model/errors.ts'

/** Advisory lock under which the schema `isthmus` is changed, also where it lies in a destination. */
export const STATE_LOCK = 0x69737468

/**
 * A pool for a PostgreSQL URL. Throws InvalidInput when it is none; the URL, which holds a password, is never part of a message.
 */
export function poolOf(url: string, name: string, max: number): pg.Pool {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (!parsed || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new IsthmusError('InvalidInput', 'The address of the database is not one of PostgreSQL', { cure: 'write it as postgresql://user:password@host:5432/database' })
  }
  let pool: pg.Pool
  try {
    pool = new pg.Pool({ connectionString: url, application_name: name, max, connectionTimeoutMillis: 10_000, idleTimeoutMillis: 30_000, keepAlive: true })
  } catch (error) {
    throw new IsthmusError('InvalidInput', `The address of the database cannot be used: ${(error as NodeJS.ErrnoException).code ?? 'it is malformed'}`, {
      cure: 'check its parameters, for example the paths of certificates',
    })
  }
  // A connection that breaks while idle is replaced by the pool; one that breaks in use fails its query.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

const TRANSIENT = /^(08|40|53|55|57P0|58|25P0[234])/
const NETWORK = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'ENOENT', 'EACCES', 'EHOSTDOWN'])
const BROKEN = /connection terminated|connection ended|timeout exceeded when trying to connect|client was closed|not queryable|ECONNRESET|EPIPE|Cannot use a pool/i

/** An error of `pg` as one of ours, with what to do about it. Others are given back as they are. */
export function pgError(error: unknown, what: string): unknown {
  if (error instanceof IsthmusError || !(error instanceof Error)) return error
  // A host with several addresses fails with all of their errors in one.
  const first = error instanceof AggregateError ? ((error.errors[0] as Error | undefined) ?? error) : error
  const code = (first as { code?: string }).code ?? ''
  const text = first.message.slice(0, 500)
  const make = (type: ErrorType, message: string, cure?: string) => new IsthmusError(type, message, { cure, cause: error })
  if (code === '28P01' || code === '28000') return make('InvalidInput', `${what} refused the sign-in: ${text}`, 'correct user and password in the address of the database')
  if (code === '3D000') return make('InvalidInput', `${what}: ${text}`, 'create that database, or correct its name in the address')
  if (code === '42501') return make('PermissionDenied', `${what}: ${text}`, 'grant the right to the user in the address of the database')
  if (/does not support SSL|self.signed certificate|unable to verify|certificate/i.test(text) && !/^[0-9A-Z]{5}$/.test(code)) {
    return make('InvalidInput', `${what}: no secure connection: ${text}`, 'correct sslmode or the certificates in the address of the database')
  }
  const syscall = (first as { syscall?: string }).syscall ?? ''
  if (NETWORK.has(code) && /^(connect|getaddrinfo)/.test(syscall)) return make('Unreachable', `${what} cannot be reached (${code})`, 'see that it runs and that the address of the database is right')
  if (/timeout exceeded when trying to connect/i.test(text)) return make('Unreachable', `${what} cannot be reached: no connection within 10 s`)
  if (['ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes(code) || TRANSIENT.test(code) || BROKEN.test(text)) return make('Transient', `${what}: ${text}`)
  return error
}
