import { IsthmusError } from '../../model/index.ts'
import type { Source, Stream, Value } from '../../model/index.ts'
import type { Http } from '../http/index.ts'
import { createAddresses } from './address.ts'
import { openConnection } from './connection.ts'
import type { Connection } from './connection.ts'
import { fingerprint } from './fingerprint.ts'
import type { RestReader } from './types.ts'

export interface RestOptions {
  source: Source
  stream: Stream
  /** Text of a value. Throws MissingEnvironment. */
  resolve(value: Value): string
  /** Shared by the streams of one account; opened here when absent. */
  connection?: Connection
  http?: Http
  userAgent?: string
  now?: () => number
}

/**
 * Opens a stream for reading; sends nothing. Everything the plan refers to is resolved once, so that a missing variable,
 * a wrong address or a key that cannot sign is told before any request. Throws IsthmusError naming the field.
 */
export function openRest(options: RestOptions): RestReader {
  const { source, stream, resolve } = options
  const connection = options.connection ?? openConnection(options)
  let print: string | null = null
  const reader: RestReader = {
    source,
    stream,
    connection,
    auth: connection.authenticator,
    resolve,
    memory: { window: 1, pageSize: null },
    get fingerprint() {
      return (print ??= fingerprint(source.auth, connection.baseUrl, resolve))
    },
    close: () => (options.connection ? Promise.resolve() : connection.close()),
  }
  const first = createAddresses(reader, null).of(null)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(stream.path)) {
    try {
      connection.http.allow(first)
    } catch (error) {
      const { type, message, cure } = error as IsthmusError
      throw new IsthmusError(type, message, { field: 'from.path', cure })
    }
  }
  return reader
}
