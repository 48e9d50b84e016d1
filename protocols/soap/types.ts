import type { SoapCall, Token } from '../../model/index.ts'

/** Builds envelopes of one service and reads its answers, by its WSDL. */
export interface SoapClient {
  /** The envelope of a call and the HTTP headers it needs. Throws InvalidInput naming operation or argument, Unreachable when the WSDL cannot be had. */
  request(call: Omit<SoapCall, 'args' | 'headers'> & { args: unknown; headers: unknown }, token: Token | null): Promise<{ body: string; headers: Record<string, string> }>
  /** The content of the answer's soap:Body (or its Fault) with lists where the schema says so, values as texts. Throws Contract. */
  read(operation: string, body: Buffer): Promise<unknown>
  close(): Promise<void>
}
