const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** The answer sends the client elsewhere (RFC 9110 15.4). */
export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status)
}

/** Method of the redirected request: 303 asks for GET, 301 and 302 turn POST into GET as all clients do, 307 and 308 keep it. */
export function redirectMethod(status: number, method: string): string {
  if (status === 303) return method === 'HEAD' ? 'HEAD' : 'GET'
  return (status === 301 || status === 302) && method === 'POST' ? 'GET' : method
}

/** Headers of the redirected request: those that describe a body go with the body. */
export function redirectHeaders(headers: Record<string, string>, keepsBody: boolean): Record<string, string> {
  if (keepsBody) return { ...headers }
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('content-') && name !== 'transfer-encoding'))
}
