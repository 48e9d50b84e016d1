import { at, durationMs } from '../../model/index.ts'
import type { Pacer, Source, Value } from '../../model/index.ts'
import { createAuthenticator } from '../auth/index.ts'
import type { Authenticator } from '../auth/index.ts'
import { createHttp, originOf } from '../http/index.ts'
import type { Http } from '../http/index.ts'
import { redactor } from '../../model/redact/index.ts'
import { openSoap } from '../soap/index.ts'
import type { SoapClient } from '../soap/index.ts'
import { createGate } from './gate.ts'
import { tlsOptions } from './tls.ts'
import { addressPolicy } from './trust.ts'

/** What all streams of one account share in a run: sockets and credentials. */
export interface Connection {
  readonly baseUrl: string
  readonly http: Http
  readonly authenticator: Authenticator
  /** Holds pauses where there is no pacer of the account. */
  readonly gate: Pacer
  /** Builds and reads envelopes; null unless the source has a WSDL. */
  readonly soap: SoapClient | null
  close(): Promise<void>
}

export interface ConnectionOptions {
  source: Source
  /** Text of a value. Throws MissingEnvironment. */
  resolve(value: Value): string
  http?: Http
  userAgent?: string
  /** Name of the connection, for metrics and traces. Default: the source's, else its host. */
  name?: string
  now?: () => number
  /** Folder that files of the source (a WSDL) are relative to. Default: the working directory. */
  projectDir?: string
}

/** Opens the connection of a source; sends nothing. Throws InvalidInput or MissingEnvironment, naming the field. */
export function openConnection(options: ConnectionOptions): Connection {
  const { source, resolve } = options
  const field = <T>(name: string, get: () => T): T => {
    try {
      return get()
    } catch (error) {
      throw at(error, { field: name })
    }
  }
  const baseUrl = field('from.baseUrl', () => {
    const text = resolve(source.baseUrl)
    originOf(text)
    return text
  })
  const http =
    options.http ??
    createHttp({
      origins: [originOf(baseUrl), ...source.origins.map((o) => field('from.origins', () => originOf(o)))],
      timeoutMs: durationMs(source.timeout),
      maxBytes: source.maxPageBytes,
      concurrency: source.concurrency,
      userAgent: options.userAgent ?? 'isthmus',
      name: options.name ?? source.connection ?? undefined,
      addresses: addressPolicy(source, resolve),
      connect: field('from.tls', () => tlsOptions(source.tls, resolve, redactor, source.connection)),
    })
  const authenticator = field('from.auth', () => createAuthenticator(source.auth, { resolve, http, baseUrl, connection: source.connection, now: options.now }))
  const soap = source.soap === null ? null : field('from.soap', () => openSoap(source, { resolve, http, baseUrl, projectDir: options.projectDir ?? process.cwd(), sign: (target, token) => authenticator.apply(target, token), now: options.now ?? Date.now }))
  const close = async (): Promise<void> => {
    await soap?.close()
    if (!options.http) await http.close()
  }
  return { baseUrl, http, authenticator, gate: createGate(options.now), soap, close }
}
