import { sourceSchema, streamSchema } from '../../model/index.ts'
import type { SourceInput, StreamInput } from '../../model/index.ts'
import { startDouble } from '../double/double.ts'
import { isEntitySet, startOdata } from '../double/odata.ts'
import type { Subject } from '../types.ts'

/** A subject whose server is made from the description itself; of an entity set it is a service of OData. */
export function doubleSubject(name: string, sourceInput: SourceInput, streamInput: StreamInput): Subject {
  return {
    name,
    server: 'double',
    async start({ records, pageSize, quirks = {} }) {
      const source = sourceSchema.parse({ ...sourceInput, maxPageBytes: 4 * 1024 * 1024 })
      const stream = streamSchema.parse(streamInput)
      const start = source.kind === 'odata' && isEntitySet(stream) ? startOdata : startDouble
      const double = await start({ source, stream, records, pageSize, quirks })
      return { ...double, source, stream, values: {}, quirky: true }
    },
  }
}
