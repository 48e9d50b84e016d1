export const XSD = 'http://www.w3.org/2001/XMLSchema'
export const XSI = 'http://www.w3.org/2001/XMLSchema-instance'
export const ENCODING = 'http://schemas.xmlsoap.org/soap/encoding/'
export const ENVELOPE = { '1.1': 'http://schemas.xmlsoap.org/soap/envelope/', '1.2': 'http://www.w3.org/2003/05/soap-envelope' } as const
/** Namespace by which a WSDL binds SOAP 1.2 (W3C member submission of 2006). */
export const WSDL_SOAP12 = 'http://schemas.xmlsoap.org/wsdl/soap12/'

export interface QName {
  prefix: string
  local: string
}

/** Prefix and local part of a qualified name. */
export function split(name: string): QName {
  const at = name.indexOf(':')
  return at < 0 ? { prefix: '', local: name } : { prefix: name.slice(0, at), local: name.slice(at + 1) }
}
