import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { frame, sentEvents } from '../events.ts'
import type { RunHandle } from '../handle.ts'

export interface Following {
  /** Ends all streams of events: the server closes. */
  stop: AbortSignal
  /** Whether the key of a request still lets it read runs. */
  valid: (request: FastifyRequest) => Promise<boolean>
  /** How often that is asked while a stream is open. */
  recheckMs: number
}

/** Answers with a run as server-sent events, from where the reader was (`Last-Event-ID`), for as long as its key is valid. 204 when it has seen the end. */
export async function follow(request: FastifyRequest, reply: FastifyReply, handle: RunHandle, { stop, valid, recheckMs }: Following): Promise<FastifyReply> {
  const gone = new AbortController()
  const over = new AbortController()
  // That it cannot be asked now (PostgreSQL is away) ends nothing.
  const timer = setInterval(() => (reply.raw.destroyed ? left() : void valid(request).then((still) => still || over.abort(), () => undefined)), recheckMs)
  const left = (): void => {
    clearInterval(timer)
    gone.abort()
  }
  // It may have gone while the run was looked up.
  if (reply.raw.destroyed || request.raw.destroyed) left()
  else reply.raw.once('close', left)
  const lastEventId = [request.headers['last-event-id']].flat()[0]
  const events = sentEvents(handle, { signal: AbortSignal.any([gone.signal, over.signal, stop]), ...(lastEventId !== undefined && { lastEventId }) })
  const first = lastEventId?.endsWith('.end') ? await events.next() : null
  // A browser asks again after every end of a stream, but not after 204.
  if (first?.done) return reply.code(204).send()
  return reply.headers({ 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' }).send(Readable.from(told(first?.value, events, over.signal)) as never)
}

async function* told(first: string | undefined, events: AsyncGenerator<string>, over: AbortSignal): AsyncGenerator<string> {
  try {
    if (first !== undefined) yield first
    yield* events
    if (over.aborted) yield frame('error', { type: 'AuthFailed', message: 'the key was revoked, or is over' })
  } finally {
    await events.return(undefined)
  }
}
