import { IsthmusError } from '../../model/index.ts'

const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'UND_ERR_CONNECT_TIMEOUT'])
const WORDS: Record<string, string> = {
  ECONNREFUSED: 'refuses connections',
  ENOTFOUND: 'is not known to the name service',
  EAI_AGAIN: 'could not be looked up',
  UND_ERR_CONNECT_TIMEOUT: 'did not accept a connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'sent no answer in time',
  UND_ERR_BODY_TIMEOUT: 'fell silent inside the answer',
  UND_ERR_SOCKET: 'closed the connection before the answer was complete',
  ECONNRESET: 'closed the connection before the answer was complete',
  EPIPE: 'closed the connection before the answer was complete',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'sent fewer or more bytes than it announced',
}
const CERTIFICATE = /CERT|SELF_SIGNED|ALTNAME|UNABLE_TO_(GET|VERIFY)/

/** The code of an error of undici or node, also inside an AggregateError. */
function codeOf(error: unknown): string {
  const e = error as { code?: unknown; errors?: unknown[]; cause?: unknown }
  if (typeof e?.code === 'string') return e.code
  if (Array.isArray(e?.errors) && e.errors.length > 0) return codeOf(e.errors[0])
  return e?.cause ? codeOf(e.cause) : ''
}

/** `host:port`, with the scheme's default port written out. */
export function hostPort(url: URL): string {
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`
}

/** An error of ours, also inside what undici makes of a connection that failed. */
function ownError(error: unknown): IsthmusError | null {
  if (error instanceof IsthmusError) return error
  const { cause, errors } = (error ?? {}) as { cause?: unknown; errors?: unknown[] }
  return (cause ? ownError(cause) : null) ?? (Array.isArray(errors) && errors.length > 0 ? ownError(errors[0]) : null)
}

/**
 * The error of a request that got no whole answer. Nobody can connect: Unreachable; anything after that: Transient.
 * The original error is not kept as a cause: messages of others may hold header values.
 */
export function toFailure(error: unknown, url: URL): IsthmusError {
  const own = ownError(error)
  if (own) return own
  const host = hostPort(url)
  const code = codeOf(error)
  const words = WORDS[code]
  if (UNREACHABLE.has(code)) {
    return new IsthmusError('Unreachable', `${host} ${words ?? 'cannot be reached'} (${code})`, { cure: 'check the address and that the service is up' })
  }
  if (CERTIFICATE.test(code)) {
    return new IsthmusError('Unreachable', `the certificate of ${host} is not accepted (${code})`, {
      cure: 'check the address, or name its authority in NODE_EXTRA_CA_CERTS',
    })
  }
  if (/SSL|TLS|EPROTO/.test(code)) {
    return new IsthmusError('Unreachable', `no secure connection to ${host} (${code})`, { cure: 'check whether the address needs http or https' })
  }
  if (code === 'UND_ERR_INVALID_ARG') {
    // undici names the header, never its value.
    return new IsthmusError('InvalidInput', `the request to ${host} cannot be sent: ${(error as Error).message.slice(0, 100)}`, {
      cure: 'correct the header or address; it holds characters that are not allowed',
    })
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
    return new IsthmusError('Contract', `the headers of ${host} are larger than allowed`)
  }
  if (code.startsWith('HPE_')) return new IsthmusError('Transient', `${host} sent something that is not HTTP (${code})`)
  return new IsthmusError('Transient', `${host} ${words ?? 'did not complete the request'} (${code || (error as Error)?.name || 'unknown'})`)
}

/** The AbortError to throw for an aborted signal: its own reason when that is one. */
export function abortError(signal: AbortSignal): Error {
  const reason: unknown = signal.reason
  if (reason instanceof Error && reason.name === 'AbortError') return reason
  return new DOMException('The operation was aborted', { name: 'AbortError', cause: reason } as any)
}

/** An AbortError of any library. */
export function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
