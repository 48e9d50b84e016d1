import type { ActionInput } from '../model/action.ts'
import type { SoapCall, SoapSecurity } from '../model/soap.ts'
import type { PagingInput, RequestPart, SourceInput, StreamInput } from '../model/source.ts'
import type { SecretRef, Value } from '../model/value.ts'
import type { ActionOptions, ActionRef, StreamRef } from './rest.ts'

type Json = NonNullable<SoapCall['args']>

/** An operation as a WSDL names it. `{...}` in texts of `args` is filled in: `{since}`, `{cursor}`, `{page}`, ... in streams, `{column}` in actions. */
export interface SoapCallOptions {
  operation: string
  /** Arguments as the WSDL names them. `@name` is an attribute, `@xsi:type` the type that stands for the declared one, `#text` the text beside attributes. */
  args?: Json
  /** Header elements of this call, by name. */
  headers?: Json
}

export interface SoapStreamOptions extends SoapCallOptions, Omit<StreamInput, 'name' | 'soap' | 'method' | 'headers' | 'body' | 'bodyFormat' | 'format' | 'more'> {
  /** The call for the second and further pages, when it is another one: `{ operation: 'queryMore', args: { queryLocator: '{cursor}' } }`. */
  more?: SoapCallOptions
}

export interface SoapActionOptions extends SoapCallOptions, Omit<ActionOptions, 'soap' | 'method' | 'headers' | 'body' | 'bodyFormat' | 'format' | 'lookup'> {
  /** What is sent of each record of a batch; `args` then stand around the records, and `batch.records` names their place in them. */
  record?: Json
  /** How to find out whether a record is there: the operation that tells, and where its answer holds what it found. */
  lookup?: SoapCallOptions & Omit<NonNullable<ActionInput['lookup']>, 'soap' | 'path' | 'method' | 'query' | 'body'>
}

export interface SoapSourceOptions extends Omit<SourceInput, 'kind' | 'soap'> {
  /** The WSDL: a file relative to the project, or an address at the connection's origins. */
  wsdl: Value
  /** Service and port of the WSDL. Default: the first port of SOAP 1.1, else the first. */
  service?: string
  port?: string
  /** How requests are secured inside the envelope; see `usernameToken`, `sessionHeader` and `tokenPassport`. */
  security?: Security
  /** Header elements of every request, by name. */
  soapHeaders?: Json
}

type Security = NonNullable<NonNullable<SourceInput['soap']>['security']>

export interface SoapSource {
  /** Names records that an operation gives: the operation with its arguments, where the records are, key, paging, increments. */
  stream(name: string, stream: SoapStreamOptions): StreamRef
  /** Names an operation that is called for each record: arguments, success, look-up, batches. */
  action(name: string, action: SoapActionOptions): ActionRef
}

/** A SOAP service described by a WSDL. Everything is plain data. */
export function soap({ wsdl, service, port, security, soapHeaders, ...given }: SoapSourceOptions): SoapSource {
  const source: SourceInput = {
    ...given,
    kind: 'soap',
    headers: { accept: 'text/xml, application/soap+xml', ...given.headers },
    soap: { wsdl, ...(service !== undefined && { service }), ...(port !== undefined && { port }), ...(security && { security }), ...(soapHeaders !== undefined && { headers: soapHeaders }) },
  }
  return {
    stream: (name, { operation, args, headers, more, ...stream }) => ({
      kind: 'stream',
      source,
      stream: { name, ...stream, method: 'POST', soap: callOf({ operation, args, headers }), ...(more && { more: moreOf(more) }) },
    }),
    action: (name, { operation, args, headers, record, lookup, key, ...action }) => ({
      kind: 'action',
      source,
      action: {
        name, ...action, method: 'POST', soap: callOf({ operation, args, headers }),
        ...(record !== undefined && { body: record }),
        ...(lookup && { lookup: lookupOf(lookup) }),
      },
      key: key === undefined ? null : [key].flat(),
    }),
  }
}

function callOf({ operation, args, headers }: SoapCallOptions): { operation: string; args?: Json; headers?: Json } {
  return { operation, ...(args !== undefined && { args }), ...(headers !== undefined && { headers }) }
}

function moreOf(more: SoapCallOptions): Partial<RequestPart> {
  return { soap: callOf(more) as RequestPart['soap'] }
}

function lookupOf({ operation, args, headers, ...lookup }: NonNullable<SoapActionOptions['lookup']>): NonNullable<ActionInput['lookup']> {
  return { ...lookup, method: 'POST', soap: callOf({ operation, args, headers }) }
}

/** WS-Security UsernameToken (OASIS profile 1.1.1): the password as text (default) or digest, with a timestamp. */
export function usernameToken(options: { username: Value; password: SecretRef; passwordType?: 'text' | 'digest'; timestamp?: boolean }): Security {
  return { kind: 'usernameToken', ...options }
}

/** The access token of the source's `auth` in a header element. Default: `SessionHeader` with `sessionId`, as Salesforce has it. */
export function sessionHeader(options: { element?: string; field?: string } = {}): Security {
  return { kind: 'header', element: 'SessionHeader', field: 'sessionId', ...options }
}

/** Token-based authentication of NetSuite, HMAC-SHA256. */
export function tokenPassport(options: Omit<Extract<SoapSecurity, { kind: 'tokenPassport' }>, 'kind'>): Security {
  return { kind: 'tokenPassport', ...options }
}

/** Pages of a search that the first answer opened: by its id and their number, `{cursor}` and `{page}` in `more` (NetSuite: `searchMoreWithId`). */
export function searchId(options: Omit<Extract<PagingInput, { kind: 'search' }>, 'kind'>): PagingInput {
  return { kind: 'search', ...options }
}
