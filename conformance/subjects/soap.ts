import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { cursor, searchId, sessionHeader, soap, usernameToken, type StreamRef } from '../../connectors/index.ts'
import { sourceSchema, streamSchema } from '../../model/index.ts'
import type { SourceInput, StreamInput } from '../../model/index.ts'
import { startSoap } from '../double/soap.ts'
import type { Subject } from '../types.ts'
import { WSDL } from './wsdl.ts'

const env = (name: string): { env: string } => ({ env: name })
const at = { wsdl: 'shop.wsdl', baseUrl: 'http://127.0.0.1/shop' }
const query = {
  operation: 'query', args: { queryString: 'select Id, name from Order where modified >= {since} order by Id' }, more: { operation: 'queryMore', args: { queryLocator: '{cursor}' } },
  records: 'queryResponse.result.records', key: 'Id', page: cursor({ next: 'queryResponse.result.queryLocator' }), incremental: { field: 'modified', start: '1970-01-01T00:00:00Z' },
}

const STREAMS: [string, StreamRef][] = [
  ['soap-locator', soap({ ...at, auth: { kind: 'oauth2ClientCredentials', tokenUrl: '/oauth/token', clientId: env('ID'), clientSecret: env('SECRET') }, security: sessionHeader() }).stream('orders', query)],
  ['soap-search', soap({ ...at, security: usernameToken({ username: env('USER'), password: env('PASSWORD') }) }).stream('orders', {
    operation: 'search', args: { modifiedSince: '{since}' }, more: { operation: 'searchMore', args: { searchId: '{cursor}', pageIndex: '{page}' } }, records: 'searchResponse.result.record', key: 'Id',
    page: searchId({ id: 'searchResponse.result.searchId', totalPages: 'searchResponse.result.totalPages' }), incremental: { field: 'modified' },
  })],
  ['soap-one-page', soap({ ...at, auth: { kind: 'basic', username: env('USER'), password: env('PASSWORD') } }).stream('orders', { operation: 'query', args: { queryString: 'all' }, records: 'queryResponse.result.records', key: 'Id' })],
]

/** Streams of SOAP, against a server that the `soap` library makes of a WSDL. */
export const SOAP: Subject[] = STREAMS.map(([name, { source, stream }]) => soapSubject(name, source, stream, null))

/** Why a server cannot be made of a WSDL; null when it can. */
export function noFile(wsdl: unknown): string | null {
  return typeof wsdl !== 'string' || /^https?:/i.test(wsdl) ? 'its WSDL is no file of the project: put it there to try it' : null
}

/** A subject whose server the `soap` library makes of the WSDL of a source: a file of the project, or of the suite's own (null). */
export function soapSubject(name: string, given: SourceInput, streamInput: StreamInput, projectDir: string | null): Subject {
  const file = given.soap?.wsdl
  const missing = projectDir === null ? null : noFile(file)
  return {
    name, missing, server: 'soap library',
    async start({ records, pageSize, quirks = {} }) {
      const own = projectDir ?? (await mkdtemp(join(tmpdir(), 'isthmus-conformance-')))
      if (projectDir === null) await writeFile(join(own, 'shop.wsdl'), WSDL)
      const source = sourceSchema.parse({ ...given, maxPageBytes: 4 * 1024 * 1024 })
      const stream = streamSchema.parse(streamInput)
      const wsdl = isAbsolute(file as string) ? (file as string) : join(own, file as string)
      const double = await startSoap({ source, stream, records, pageSize, quirks, wsdl })
      return {
        ...double, source, stream, values: {}, quirky: true, projectDir: own,
        close: async () => {
          await double.close()
          if (projectDir === null) await rm(own, { recursive: true, force: true })
        },
      }
    },
  }
}
