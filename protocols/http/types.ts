import type { Redactor } from '../../model/redact/index.ts'
import type { RequestNote } from '../../model/signals.ts'

/** A request as it leaves: what credentials are added to (address and headers) or computed from (all of it). Header names are lower-case. */
export interface HttpTarget {
  url: URL
  headers: Record<string, string>
  method: string
  body: string | Buffer | null
}

export interface HttpRequest {
  method?: string
  url: string | URL
  headers?: Record<string, string>
  body?: string | Buffer | null
  signal?: AbortSignal
  /** Adds credentials. Called for every hop, only after the hop's origin was found to be allowed. */
  sign?: (target: HttpTarget) => void
  /** Origins allowed for this request, instead of the connection's. */
  origins?: readonly string[]
  /** Redirects followed; 0 hands the 3xx answer back. */
  redirects?: number
  /** Awaited before each redirected request is sent, so that it is paced and counted like any other. */
  onRedirect?: () => Promise<void>
  /** Called when the request begins to leave: a failure before it surely reached nobody. */
  onSend?: () => void
  /** Largest body of the answer, decoded, where it is to be less than the connection's. */
  maxBytes?: number
  /** A whole answer that is a gzip file (RFC 1952) without a Content-Encoding that says so, such as `.csv.gz`, is unpacked; `maxBytes` counts what comes out. */
  gunzip?: boolean
  /** On a connection of its own: for a request that must not be repeated, since one that was kept alive may just be closing. */
  fresh?: boolean
  /** For those who measure. */
  about?: RequestNote
}

export interface HttpResponse {
  status: number
  /** Lower-case names; repeated headers are joined with `, `, `set-cookie` with a line feed. */
  headers: Record<string, string>
  /** Decoded (gzip, deflate, br) and complete. */
  body: Buffer
  /** Address the answer came from, after redirects. */
  url: string
}

/** Requests of one connection. */
export interface Http {
  /**
   * Sends one request. Throws IsthmusError (Unreachable, Transient, PageTooLarge, ForeignOrigin, BlockedAddress, Contract, InvalidInput)
   * or the AbortError of `signal`. Any status is an answer, not an error.
   */
  request(request: HttpRequest): Promise<HttpResponse>
  /** Throws ForeignOrigin or BlockedAddress unless the connection may send credentials to this address. */
  allow(url: string | URL): URL
  readonly redactor: Redactor
  close(): Promise<void>
}
