import type { Path, SoapCall, Token } from '../../model/index.ts'

/** Builds envelopes of one service and reads its answers, by its WSDL. */
export interface SoapClient {
  /** The envelope of a call and the HTTP headers it needs. Throws InvalidInput naming operation or argument, Unreachable when the WSDL cannot be had. */
  request(call: Omit<SoapCall, 'args' | 'headers'> & { args: unknown; headers: unknown }, token: Token | null): Promise<{ body: string; headers: Record<string, string> }>
  /**
   * The content of the answer's soap:Body (or its Fault) with lists where the schema says so, values as texts: `{ queryResponse: { ... } }`, `{ Fault: { ... } }`.
   * `records`: where a list is expected, which is empty when the answer leaves it out. Throws Contract.
   */
  read(operation: string, body: Buffer, records?: Path): Promise<unknown>
  close(): Promise<void>
}

/** One document of a WSDL: its address, or where it lies below the project as `http://project.invalid/...`. */
export type WsdlDocument = [uri: string, text: string]

/** What the thread is asked. Every value in `args` and `headers` is a text, null, a list or an object. */
export type Ask =
  | { kind: 'envelope'; service: string; port: string; operation: string; args: unknown; headers: unknown; /** Complete header elements, as XML. */ security: string }
  | { kind: 'read'; service: string; port: string; operation: string; body: Uint8Array; records: string[] }

export interface Envelope {
  body: string
  action: string
  version: '1.1' | '1.2'
}

export interface ThreadRequest {
  id: number
  ask: Ask
}
export type ThreadAnswer = { id: number; value: unknown } | { id: number; error: { type: string; message: string; field?: string; cure?: string } }

/** What the thread is started with. */
export interface ThreadData {
  root: string
  documents: WsdlDocument[]
}
