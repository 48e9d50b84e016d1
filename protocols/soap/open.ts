import { IsthmusError } from '../../model/index.ts'
import type { Source, Value } from '../../model/index.ts'
import type { Http } from '../http/index.ts'
import type { SoapClient } from './types.ts'

export interface SoapOptions {
  /** Text of a value. Throws MissingEnvironment. */
  resolve(value: Value): string
  http: Http
  /** Where the service answers. */
  baseUrl: string
  /** Folder that the WSDL's file is relative to. */
  projectDir: string
  now(): number
}

/** Opens the service of a source; loads nothing until the first call. */
export function openSoap(_source: Source, _options: SoapOptions): SoapClient {
  throw new IsthmusError('InvalidInput', 'SOAP is not there yet')
}
