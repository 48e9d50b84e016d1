import { IsthmusError, pathKeys } from '../../model/index.ts'
import type { Source, Token, Value } from '../../model/index.ts'
import type { Http, HttpTarget } from '../http/index.ts'
import type { Host } from './host.ts'
import { plain } from './plain.ts'
import { createSecurity } from './security.ts'
import { serviceOf } from './services.ts'
import type { Ask, Envelope, SoapClient } from './types.ts'

export interface SoapOptions {
  /** Text of a value. Throws MissingEnvironment. */
  resolve(value: Value): string
  http: Http
  /** Where the service answers. */
  baseUrl: string
  /** Folder that the WSDL's file is relative to. */
  projectDir: string
  /** Adds the connection's credentials to a request for the WSDL. */
  sign?(target: HttpTarget, token: Token | null): void
  now(): number
}

const ACCEPT = { '1.1': 'text/xml', '1.2': 'application/soap+xml, text/xml;q=0.5' }

/** Opens the service of a source; loads nothing until the first call. Throws InvalidInput or MissingEnvironment. */
export function openSoap(source: Pick<Source, 'soap'>, options: SoapOptions): SoapClient {
  const service = source.soap
  if (service === null) throw new IsthmusError('InvalidInput', 'the source has no WSDL', { field: 'from.soap', cure: 'use soap({ wsdl, ... })' })
  const { http, projectDir } = options
  const wsdl = options.resolve(service.wsdl)
  const secure = createSecurity(service.security, options.resolve, http.redactor, options.now)
  const port = { service: service.service, port: service.port }
  let host: Promise<Host> | null = null
  const ask = async (question: Ask, token: Token | null): Promise<unknown> => {
    const opened = (host ??= serviceOf({ wsdl, projectDir, http, sign: (target) => options.sign?.(target, token) }))
    try {
      return await (await opened).ask(question)
    } catch (error) {
      // What was not to be had now may be next time.
      await opened.catch(() => (host = null))
      throw argued(error)
    }
  }
  return {
    async request(call, token) {
      const { xml, headers } = secure(token)
      const all = { ...object(service.headers), ...object(call.headers), ...headers }
      const made = (await ask({ kind: 'envelope', ...port, operation: call.operation, args: plain(call.args), headers: plain(all), security: xml }, token)) as Envelope
      const action = made.action.replace(/["\\\r\n]/g, '')
      const type = made.version === '1.2' ? `application/soap+xml; charset=utf-8${action === '' ? '' : `; action="${action}"`}` : 'text/xml; charset=utf-8'
      return { body: made.body, headers: { accept: ACCEPT[made.version], 'content-type': type, ...(made.version === '1.1' ? { soapaction: `"${action}"` } : {}) } }
    },
    async read(operation, body, records = '') {
      return JSON.parse((await ask({ kind: 'read', ...port, operation, body, records: pathKeys(records) }, null)) as string)
    },
    close: async () => {},
  }
}

/** Says where an argument stands in the plan. */
function argued(error: unknown): unknown {
  if (!(error instanceof IsthmusError) || error.type !== 'InvalidInput' || error.field?.startsWith('from')) return error
  const field = error.field?.startsWith('headers.') ? `from.soap.${error.field}` : `from.soap.args${error.field ? `.${error.field.replace(/^args\.?/, '')}` : ''}`
  return new IsthmusError(error.type, error.message, { field, cure: error.cure })
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
