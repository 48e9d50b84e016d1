// Entry of the thread that holds one WSDL: parses it, builds envelopes, reads answers.
import { parentPort, workerData } from 'node:worker_threads'
import { IsthmusError } from '../../../model/errors.ts'
import { createDecoder } from '../../formats/index.ts'
import type { Ask, ThreadAnswer, ThreadData, ThreadRequest } from '../types.ts'
import { buildEnvelope } from './envelope.ts'
import { parseWsdl } from './library.ts'
import { createOperations, type Operation } from './operation.ts'
import { readBody } from './read.ts'
import { Schemas } from './schemas.ts'

const { soap } = workerData as { soap: ThreadData }
const ready = parseWsdl(soap).then((definitions) => ({ definitions, schemas: new Schemas(definitions), ports: new Map<string, (name: string) => Operation>() }))
ready.catch(() => {})
/** Names keep their prefixes: what they mean, and which elements are lists, says the WSDL. */
const decode = createDecoder({ format: { kind: 'xml', lists: [], attributes: '@', text: '#text', namespaces: 'keep', charset: '' }, records: '' })

async function answer(ask: Ask): Promise<unknown> {
  const { definitions, schemas, ports } = await ready
  const key = `${ask.service}\n${ask.port}`
  const operations = ports.get(key) ?? createOperations(definitions, schemas, ask.service, ask.port)
  ports.set(key, operations)
  const operation = operations(ask.operation)
  if (ask.kind === 'envelope') return buildEnvelope(schemas, operation, ask.args, ask.headers, ask.security)
  const body = Buffer.from(ask.body.buffer, ask.body.byteOffset, ask.body.byteLength)
  if (body[0] === 0x2d && body[1] === 0x2d) throw new IsthmusError('Contract', 'the answer has attachments (MTOM, SOAP with Attachments), which are not read', { cure: 'switch attachments off at the service' })
  return JSON.stringify(readBody(schemas, operation, decode(body), ask.records))
}

parentPort!.on('message', ({ id, ask }: ThreadRequest) => {
  void answer(ask).then(
    (value) => parentPort!.postMessage({ id, value } satisfies ThreadAnswer),
    (error: unknown) => {
      const { type = 'Contract', message, field, cure } = error as Partial<IsthmusError> & Error
      parentPort!.postMessage({ id, error: { type, message, field, cure } } satisfies ThreadAnswer)
    },
  )
})
