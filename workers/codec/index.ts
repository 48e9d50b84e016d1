import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DataConverter } from '@temporalio/common'
import type { PayloadKeys } from '../../model/connections.ts'
import { EncryptionCodec } from './codec.ts'

export { EncryptionCodec } from './codec.ts'
export { codecPlace, startCodecServer, type CodecServer, type CodecServerOptions } from './server.ts'

/** File that the Temporal SDK loads the failure converter from. */
export const failureConverterPath = ((): string => {
  const beside = fileURLToPath(new URL('./failure-converter.cjs', import.meta.url))
  // Built code stands in dist/workers/codec.
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../../workers/codec/failure-converter.cjs', import.meta.url))
})()

/** How clients and workers put what they send into payloads; without keys nothing is encrypted. */
export function dataConverter(keys: PayloadKeys | undefined): DataConverter {
  return { failureConverterPath, ...(keys && { payloadCodecs: [new EncryptionCodec(keys)] }) }
}
