import type { Source } from '../model/index.ts'
import type { Fault } from './proxy.ts'
import type { Running } from './types.ts'

/** A refusal with a code, in the words of what the source speaks. */
export function refusal({ source }: Pick<Running, 'source'>, status: number, code: string, message: string): Fault {
  if (source.kind === 'soap') return soapFault(status, code, message)
  const body = source.kind === 'graphql' ? { errors: [{ message, extensions: { code } }] } : { error: { code, message } }
  return { kind: 'answer', status, body: JSON.stringify(body) }
}

/** What the servers of the suite say when they refuse a record. */
export const REFUSED = 'refused by the conformance suite'

/** Every way in which what the source speaks refuses a request for what is in it: faults and errors come in a 200 as well. */
export function refusalsOf(source: Source): Fault[] {
  const message = REFUSED
  switch (source.kind) {
    case 'soap':
      return [200, 500].map((status) => soapFault(status, 'Client', message))
    case 'graphql':
      return [200, 400].map((status) => ({ kind: 'answer', status, body: JSON.stringify({ errors: [{ message, extensions: { code: 'BAD_USER_INPUT' } }], data: null }) }))
    case 'odata':
      return [{ kind: 'answer', status: 400, body: JSON.stringify({ error: { code: 'SHOP/017', message } }) }]
    case 'rest':
    case 'postgres':
    case 'file':
      return [{ kind: 'answer', status: 422, body: JSON.stringify({ error: message }) }]
  }
}

/** Every way in which it tells of a limit without a status that says so. */
export function limitsOf(source: Source): Fault[] {
  if (source.kind === 'soap') return [200, 500].map((status) => soapFault(status, 'EXCEEDED_MAX_CONCUR_RQST', 'REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.'))
  if (source.kind === 'graphql') return [THROTTLED]
  return [{ kind: 'answer', status: 403, headers: { 'retry-after': '1' }, body: JSON.stringify([{ errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'TotalRequests Limit exceeded' }]) }]
}

/** A throttle as Shopify tells it, with a bucket that is soon full enough. */
export const THROTTLED: Fault = {
  kind: 'answer', status: 200,
  body: JSON.stringify({ errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }], extensions: { cost: { requestedQueryCost: 52, actualQueryCost: null, throttleStatus: { maximumAvailable: 1000, currentlyAvailable: 2, restoreRate: 50 } } } }),
}

/** A fault of SOAP 1.1 (4.4), with any status. */
export function soapFault(status: number, code: string, message: string): Fault {
  return {
    kind: 'answer', status, headers: { 'content-type': 'text/xml; charset=utf-8' },
    body: `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:${code}</faultcode><faultstring>${message}</faultstring></s:Fault></s:Body></s:Envelope>`,
  }
}
