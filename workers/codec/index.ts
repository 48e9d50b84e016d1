import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { DataConverter } from '@temporalio/common'
import type { PayloadKeys } from '../../model/connections.ts'
import { EncryptionCodec, type Unopened } from './codec.ts'

export { EncryptionCodec, type Unopened } from './codec.ts'
export { followingKeys } from './keys.ts'
export { ownUsers } from './peer.ts'
export { codecPlace, endpointOf } from './place.ts'
export { startCodecServer, type CodecServer, type CodecServerOptions } from './server.ts'

/** File that the Temporal SDK loads the failure converter from. */
export const failureConverterPath = ((): string => {
  const beside = fileURLToPath(new URL('./failure-converter.cjs', import.meta.url))
  // Built code stands in dist/workers/codec.
  return existsSync(beside) ? beside : fileURLToPath(new URL('../../../workers/codec/failure-converter.cjs', import.meta.url))
})()

/** How clients and workers put what they send into payloads; without keys nothing is encrypted. */
export function dataConverter(keys: PayloadKeys | undefined, unopened?: Unopened): DataConverter {
  return { failureConverterPath, ...(keys && { payloadCodecs: [new EncryptionCodec(keys, unopened)] }) }
}
