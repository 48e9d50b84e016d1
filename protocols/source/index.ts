import { at } from '../../model/index.ts'
import type { Source, Stream, Value } from '../../model/index.ts'
import { readStagedFile } from '../file/index.ts'
import { openRest, readPages, type Connection } from '../rest/index.ts'
import { readQuery } from '../sql/index.ts'
import { noAuth } from './no-auth.ts'
import type { SourceReader } from './types.ts'

export type { SourceRead, SourceReader } from './types.ts'

export interface SourceOptions {
  source: Source
  stream: Stream
  /** Text of a value. Throws MissingEnvironment. */
  resolve(value: Value): string
  /** Shared by the streams of one account; opened here when absent. */
  connection?: Connection | undefined
  /** The database of Isthmus itself. */
  databaseUrl: string
  projectDir: string
}

/** There is an HTTP connection behind the source. */
export function isRemote({ kind }: Pick<Source, 'kind'>): boolean {
  return kind !== 'postgres' && kind !== 'file'
}

/** Opens a stream of any source for reading; sends nothing. Throws IsthmusError naming the field. */
export function openSource({ source, stream, resolve, connection, databaseUrl, projectDir }: SourceOptions): SourceReader {
  if (stream.file) return local((options) => readStagedFile(projectDir, stream, options))
  if (stream.sql) {
    let url: string
    try {
      url = resolve(source.baseUrl) || databaseUrl
    } catch (error) {
      throw at(error, { field: 'from.url' })
    }
    return local((options) => readQuery(url, stream, options))
  }
  const reader = openRest({ source, stream, resolve, connection, projectDir })
  return {
    auth: reader.auth,
    get fingerprint() {
      return reader.fingerprint
    },
    remote: true,
    read: (options) => readPages({ reader, ...options }),
    close: () => reader.close(),
  }
}

function local(read: SourceReader['read']): SourceReader {
  return { auth: noAuth, fingerprint: 'none', remote: false, read, close: async () => {} }
}
