import { isAbsolute, join } from 'node:path'
import { basePath } from '../account.ts'
import { fault, listenSoap, type Operation } from '../double/soap.ts'
import type { Made } from '../double/records.ts'
import { REFUSED } from '../said.ts'
import { read } from './read.ts'
import { createTaker, keyInBody, type Reply } from './taker.ts'
import type { Sink, SinkOptions } from './types.ts'

/** A service that the `soap` library makes of the source's WSDL; its operations do what an action's description says. */
export async function startSoapSink(options: SinkOptions): Promise<Sink> {
  const { source, action, projectDir } = options
  const taker = createTaker(options)
  const file = source.soap!.wsdl as string
  const call = action.soap!
  const operations: Record<string, Operation> = {
    [call.operation]: (args) => said(taker.act({ method: action.method, address: {}, body: args, given: keyInBody(action, args) })),
  }
  const lookup = action.lookup?.soap
  if (lookup) operations[lookup.operation] = (args) => said(taker.look(read(lookup.args, args) ?? {}))
  const server = await listenSoap(isAbsolute(file) ? file : join(projectDir, file), `${basePath(source)}${action.path}`, operations)
  return { ...server, effects: taker.effects }
}

/** What stands in the element of the answer, which the library writes itself. A refusal that the answer has no place for is a fault. */
function said({ status, value }: Reply): Made {
  if (status >= 400) throw fault('Client', REFUSED)
  return (Object.values(value as Made)[0] ?? {}) as Made
}
