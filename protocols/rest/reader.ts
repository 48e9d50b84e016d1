import { IsthmusError } from '../../model/index.ts'
import type { Source, Stream, Value } from '../../model/index.ts'
import type { Http } from '../http/index.ts'
import { createRequests } from './requests.ts'
import { openConnection } from './connection.ts'
import type { Connection } from './connection.ts'
import { fingerprint } from './fingerprint.ts'
import { submitOf } from './job.ts'
import { NO_LAYERS } from './layers.ts'
import { newMemory } from './memory.ts'
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
  /** Folder that files of the source (a WSDL) are relative to. Default: the working directory. */
  projectDir?: string
}

/** Stand for what layers fill in: the address is only looked at. */
const PROBE = { from: '0', to: '0', after: '0', job: '0' }

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
    memory: newMemory(),
    get fingerprint() {
      return (print ??= fingerprint(source.auth, connection.baseUrl, resolve))
    },
    close: () => (options.connection ? Promise.resolve() : connection.close()),
  }
  // The first request of all: that of the parents, or of the job.
  const begins = stream.parent?.stream ?? (stream.job ? { ...stream, ...submitOf(stream.job.submit) } : stream)
  const first = createRequests({ ...reader, stream: { ...begins, ...NO_LAYERS } }, { since: null, vars: PROBE }).url(null)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(begins.path)) {
    try {
      connection.http.allow(first)
    } catch (error) {
      const { type, message, cure } = error as IsthmusError
      throw new IsthmusError(type, message, { field: 'from.path', cure })
    }
  }
  return reader
}
