import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { IsthmusError } from '../model/errors.ts'
import type { Dataset } from './data/dataset.ts'
import { COLLECTIONS } from './data/types.ts'
import type { Answer } from './http/answer.ts'
import { errorAnswer, jsonAnswer, Refusal } from './http/answer.ts'
import { readBody } from './http/send.ts'
import type { LiveOptions, SimulatorConfig } from './options.ts'
import { parseLive } from './options.ts'
import type { Sink } from './sink/sink.ts'
import type { Recorder } from './stats.ts'

const n = z.int().min(1).max(1_000_000).optional()
const mutation = z.strictObject({ collection: z.enum(COLLECTIONS), insertAtFront: n, deleteFirst: n, append: n, touch: n })
/** A change of the data: what is given happens in the order deleteFirst, touch, insertAtFront, append. */
export type Mutation = z.input<typeof mutation>

/** What the control routes and the methods of `Simulator` work on. */
export interface ControlDeps {
  config: SimulatorConfig
  dataset: Dataset
  recorder: Recorder
  sink: Sink
}

/** Changes the running configuration. Throws InvalidInput naming the field. */
export function configure(change: LiveOptions, { config, dataset }: ControlDeps): void {
  Object.assign(config, parseLive(change))
  dataset.options.poisonEvery = config.poisonEvery
}

/** Moves the data. Gives the new total. Throws InvalidInput naming the field. */
export function mutate(change: Mutation, { dataset }: ControlDeps): number {
  const parsed = mutation.safeParse(change)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw new IsthmusError('InvalidInput', issue.message, { field: issue.path.join('.') || undefined, cure: 'send {"collection", "append" | "insertAtFront" | "deleteFirst" | "touch": n}' })
  }
  const { collection, deleteFirst, touch, insertAtFront, append } = parsed.data
  const records = dataset.collections[collection]
  if (deleteFirst) records.deleteFirst(deleteFirst)
  if (touch) records.touch(touch)
  if (insertAtFront) records.insertAtFront(insertAtFront)
  if (append) records.append(append)
  return records.count
}

/** The routes under `/_sim/`: no sign-in, but only for this machine. */
export async function controlRoute(req: IncomingMessage, path: string, deps: ControlDeps): Promise<Answer> {
  if (!isLoopback(req.socket.remoteAddress ?? '')) return errorAnswer(403, 'forbidden', 'control routes answer this machine only')
  const held = /^\/_sim\/sink\/([\w-]+)$/.exec(path)
  if (held && req.method === 'GET') return jsonAnswer(200, deps.sink.records(held[1]!))
  try {
    switch (`${req.method} ${path}`) {
      case 'GET /_sim/stats':
        return jsonAnswer(200, deps.recorder.snapshot())
      case 'POST /_sim/stats/reset':
        deps.recorder.reset()
        return jsonAnswer(200, { reset: true })
      case 'POST /_sim/config':
        configure((await readJson(req)) as LiveOptions, deps)
        return jsonAnswer(200, { changed: true })
      case 'POST /_sim/mutate':
        return jsonAnswer(200, { total: mutate((await readJson(req)) as Mutation, deps) })
      default:
        return errorAnswer(404, 'not_found', 'there are GET /_sim/stats, GET /_sim/sink/{collection}, POST /_sim/stats/reset, POST /_sim/config and POST /_sim/mutate')
    }
  } catch (error) {
    if (error instanceof IsthmusError) return errorAnswer(400, 'invalid_parameter', error.format())
    throw error
  }
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const text = await readBody(req)
  // A web page can post to loopback, but not with this type.
  if (!/^application\/json\b/i.test(req.headers['content-type'] ?? '')) throw new Refusal(415, 'unsupported_type', 'the body must be application/json')
  try {
    return JSON.parse(text)
  } catch {
    throw new Refusal(400, 'invalid_json', 'the body is not JSON')
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}
