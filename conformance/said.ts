import type { Fault } from './proxy.ts'
import type { Running } from './types.ts'

/** A refusal with a code, in the words of what the source speaks. */
export function refusal({ source }: Pick<Running, 'source'>, status: number, code: string, message: string): Fault {
  if (source.kind === 'soap') return soapFault(status, code, message)
  const body = source.kind === 'graphql' ? { errors: [{ message, extensions: { code } }] } : { error: { code, message } }
  return { kind: 'answer', status, body: JSON.stringify(body) }
}

/** A fault of SOAP 1.1 (4.4), with any status. */
export function soapFault(status: number, code: string, message: string): Fault {
  return {
    kind: 'answer', status, headers: { 'content-type': 'text/xml; charset=utf-8' },
    body: `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:${code}</faultcode><faultstring>${message}</faultstring></s:Fault></s:Body></s:Envelope>`,
  }
}
